"""JUnit's file as a run leaves it: what pytest has written, without passwords, and with GitLab's links."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from test_framework.redaction import hide_secrets, may_hold_secrets
from test_framework.report.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["finish"]


def finish(path: Path, secrets: Collection[str] = (), link: str | None = None) -> None:
    """Replace what is secret in the file by `***`, and let GitLab link each failed test to the page of the run.

    Args:
        path: The file, as pytest has written it; it stays as it is where there is nothing to do.
        secrets: Passwords that stand nowhere in it then, however they are written there.
        link: See `gitlab.attach`; None for no link.

    Raises:
        OSError: The file cannot be read or written.
        ValueError: It is no XML.
    """
    data = path.read_bytes()
    if link is None and not _may_hold(data.decode(errors="replace"), secrets):
        return
    try:
        root = ET.fromstring(data)  # noqa: S314  # pytest has just written it
    except ET.ParseError as error:
        raise ValueError(f"it is not XML: {error}") from error
    changed = [_hide(element, secrets) for element in root.iter()]
    if link:
        from test_framework.report.gitlab import attach

        attach(root, link)
    if link or any(changed):
        write_whole(path, ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _may_hold(text: str, secrets: Collection[str]) -> bool:
    """Whether the file is worth taking apart, which costs time for each test of a large suite."""
    if may_hold_secrets(text):
        return True
    plain = unescape(text) if secrets else ""
    return any(secret in plain for secret in secrets)


def _hide(element: ET.Element, secrets: Collection[str]) -> bool:
    """Hide what is secret in one element; return whether there was anything."""
    told = list(_texts(element))
    hidden = [hide_secrets(text, secrets) for _, text in told]
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
