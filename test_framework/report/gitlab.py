"""What GitLab shows beside a failed test: the page of the run, by a link in JUnit's file."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree as ET

from test_framework.report.files import write_whole

__all__ = ["attach"]


def attach(junit: Path, page: Path, project: str) -> None:
    """Let GitLab link each failed test of a JUnit file to the page, where that is an artifact of the job.

    GitLab takes the first `[[ATTACHMENT|PATH]]` of a failed test's `system-out`, relative to the project's folder
    (its `lib/gitlab/ci/parsers/test/junit.rb`; documented under "Unit test reports").

    Args:
        junit: The file, as pytest has written it.
        page: The page.
        project: The folder of the project, whose artifacts are below it; a page elsewhere cannot be linked to.

    Raises:
        OSError: The file cannot be read or written.
        ValueError: It is no XML.
    """
    path = Path(os.path.relpath(page, project)).as_posix()
    if path.startswith("../") or set("[]|") & set(path):
        return
    try:
        root = ET.fromstring(junit.read_bytes())  # noqa: S314  # pytest has just written it
    except ET.ParseError as error:
        raise ValueError(f"{junit} is not XML: {error}") from error
    for case in root.iter("testcase"):
        if case.find("failure") is None and case.find("error") is None:
            continue
        out = case.find("system-out")
        if out is None:
            out = ET.SubElement(case, "system-out")
        out.text = "\n".join(filter(None, (out.text, f"[[ATTACHMENT|{path}]]")))
    write_whole(junit, ET.tostring(root, encoding="utf-8", xml_declaration=True))
