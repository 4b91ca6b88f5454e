"""JUnit's file as a run leaves it: what pytest has written, without passwords, and with GitLab's links."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from test_framework.atomic import replace_file
from test_framework.redaction import hide_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def finish(path: Path, link: str | None = None) -> None:
    """Replace what is secret in the file by `***`, and let GitLab link each failed test to the page of the run.

    Args:
        path: The file, as pytest has written it; it stays as it is where there is nothing to do.
        link: See `gitlab.attach`; None for no link.

    Raises:
        OSError: The file cannot be read or written.
        ValueError: It is no XML.
    """
    data = path.read_bytes()
    # Most files have none, and to take that of a large suite apart costs time for each test.
    if link is None and (text := unescape(data.decode(errors="replace"))) == hide_secrets(text):
        return
    try:
        root = ET.fromstring(data)  # noqa: S314  # pytest has just written it
    except ET.ParseError as error:
        raise ValueError(f"it is not XML: {error}") from error
    changed = [_hide(element) for element in root.iter()]
    if link:
        from test_framework.report.gitlab import attach

        attach(root, link)
    if link or any(changed):
        replace_file(path, ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _hide(element: ET.Element) -> bool:
    """Hide what is secret in one element; return whether there was anything."""
    told = list(_texts(element))
    hidden = [hide_secrets(text) for _, text in told]
    for (name, text), shown in zip(told, hidden, strict=True):
        if shown == text:
            continue
        if name is None:
            element.text = shown
        else:
            element.set(name, shown)
    return hidden != [text for _, text in told]


def _texts(element: ET.Element) -> Iterator[tuple[str | None, str]]:
    """Yield the attributes of an element by their names, and its text by none."""
    yield from element.items()
    if element.text:
        yield None, element.text
