"""What git knows of the files of a project, and how a change of them is shown."""

from __future__ import annotations

import difflib
import io
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_GIT_SECONDS = 30


def unified_diff(path: str, before: bytes | None, after: bytes) -> bytes:
    """Return a unified diff of a file, as `git apply` and `patch -p1` take it in the project's folder.

    Args:
        path: The file, from the project's folder.
        before: What it holds; None for a file that is not there.
        after: What it is to hold.
    """
    # A tab ends a name that has spaces in it.
    ending = b"\t" if " " in path else b""
    name = os.fsencode(path)
    lines = difflib.diff_bytes(
        difflib.unified_diff,
        _lines(before or b""),
        _lines(after),
        b"/dev/null" if before is None else b"a/" + name + ending,
        b"b/" + name + ending,
    )
    return b"".join(line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines)


def _lines(data: bytes) -> list[bytes]:
    """Split at line feeds alone, as git and patch do."""
    return list(io.BytesIO(data))


def uncommitted(root: Path, paths: Sequence[str]) -> dict[str, str]:
    """Return those of some files that git could not give back as they are, and why; none outside of a repository."""
    inside = ["git", "-C", str(root), "rev-parse", "--show-toplevel"]
    status = ["git", "-C", str(root), "status", "--porcelain", "-z", "--untracked-files=all", "--", "."]
    try:
        top = subprocess.run(inside, capture_output=True, timeout=_GIT_SECONDS, check=True).stdout  # noqa: S603
        status_output = subprocess.run(status, capture_output=True, timeout=_GIT_SECONDS, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return {}
    base = os.fsdecode(top).removesuffix("\n")
    found = {f"{base}/{name}": why for name, why in _changed(status_output)}
    return {path: found[real] for path in paths if (real := os.path.realpath(path)) in found}


def _changed(status_output: bytes) -> Iterator[tuple[str, str]]:
    entries = iter(status_output.split(b"\0"))
    for entry in entries:
        state, name = entry[:2].decode(), os.fsdecode(entry[3:])
        if state[:1] in ("R", "C"):
            next(entries, None)
        if state == "??":
            yield name, "git does not know it"
        elif state[1:] not in ("", " "):
            yield name, "it has changes that git does not have"
