"""One fault, put in by replacing a piece of text in a copy of the project."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Mutant", "Outdated"]


class Outdated(Exception):
    """The code no longer holds the text that a mutant replaces."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: in `file`, `old` becomes `new`, and one of `tests` has to fail.

    Attributes:
        name: What goes wrong for a user, in a few words; unique.
        file: The file, from the project's root.
        old: The text to replace, which stands there exactly once.
        new: What stands there instead.
        tests: Arguments for pytest, from the project's root: files or node ids, as few and as fast as notice it.
        docker: Whether the tests need a Docker engine. Without it they run on embedded servers alone.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    docker: bool = False

    def changed(self, root: Path) -> tuple[Path, str, str]:
        """Return the file below `root`, and its text without and with the fault.

        Raises:
            Outdated: The file is gone, or does not have the text exactly once.
        """
        path = root / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if text.count(self.old) != 1:
            raise Outdated(f"{self.name}: {self.file} has the text {text.count(self.old)} times: {self.old!r}")
        return path, text, text.replace(self.old, self.new)

    @contextmanager
    def applied(self, root: Path) -> Iterator[None]:
        """Put the fault into the copy at `root`, and take it out again; raises `Outdated` as `changed` does."""
        path, text, faulty = self.changed(root)
        _write(path, faulty)
        try:
            yield
        finally:
            _write(path, text)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    # Compiled files are told apart by second and size, which two faults may share.
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
        compiled.unlink()
