"""What GitLab shows beside a failed test: the page of the run, by a link in JUnit's file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping


def link(page: Path, env: Mapping[str, str]) -> str | None:
    """Return the path of the page that GitLab can link to, relative to the project's folder, whose artifacts are below.

    None outside of a job of GitLab, and for a page that is elsewhere or has a name that ends the link.
    """
    if env.get("GITLAB_CI") != "true":
        return None
    path = Path(os.path.relpath(page, env.get("CI_PROJECT_DIR") or os.curdir)).as_posix()
    return None if path.startswith("../") or set("[]|") & set(path) else path


def attach(root: ET.Element, path: str) -> None:
    """Link each failed test of a JUnit file to the page.

    GitLab takes the first `[[ATTACHMENT|PATH]]` of a failed test's `system-out`, relative to the project's folder
    (its `lib/gitlab/ci/parsers/test/junit.rb`; documented under "Unit test reports").

    Args:
        root: Of the file.
        path: Of the page, as `link` returns it.
    """
    for case in root.iter("testcase"):
        if case.find("failure") is None and case.find("error") is None:
            continue
        out = case.find("system-out")
        if out is None:
            out = ET.SubElement(case, "system-out")
        out.text = "\n".join(filter(None, (out.text, f"[[ATTACHMENT|{path}]]")))
