"""Writes what was planned, each file whole or not at all; what is left is what the next run plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.atomic import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from test_framework.adopt.plan import Change


class NotWritten(Exception):
    """A file that could not be written, and is as it was; those before it are written."""


def written(root: Path, changes: Iterable[Change]) -> Iterator[str]:
    """Write files, and yield the path of each when it is there.

    Args:
        root: The project's folder.
        changes: The files.

    Raises:
        NotWritten: It cannot be written, or holds something else than when it was looked at.
    """
    for change in changes:
        # What a link leads to is written, and not the link.
        path = (root / change.path).resolve()
        try:
            if (path.read_bytes() if path.exists() else None) != change.before:
                raise NotWritten(f"{change.path} is left as it is: somebody else has changed it meanwhile.")
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, change.after, mode=None)
        except OSError as error:
            raise NotWritten(f"{change.path} cannot be written: {error.strerror}.") from error
        yield change.path
