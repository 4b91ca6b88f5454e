"""The Markdown pages of this repository: their blocks of code, and what a reader types."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BY_HAND", "ROOT", "Block", "Command", "Proof", "blocks", "commands", "pages"]

ROOT = Path(__file__).parents[2]
BY_HAND = frozenset({"docs/audit-proof.md", "docs/exec-proof.md", "docs/performance.md"})
"""Pages with a block `<!-- run by hand: … -->`: programs that measure for hours. No other may have one."""
SHELL = ("console", "sh", "bash", "shell")

_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.M | re.S)
_PROOF = re.compile(r"<!-- run by (\S+): (.+) -->")
_HAND = "hand"
_FILE = re.compile(r"`([\w./-]+\.\w+)`:$")
_COMMENT = re.compile(r"(?:^|\s{2,})# (.*)$")
_EXITS = re.compile(r"\bexits (\d+)")


@dataclass(frozen=True, slots=True)
class Proof:
    """What runs a block that cannot be run as it stands: a file of this repository, and a text that is in it."""

    file: str
    text: str

    @property
    def by_hand(self) -> bool:
        """Whether nothing runs it."""
        return self.file == _HAND

    @property
    def holds(self) -> bool:
        """Whether the text is there."""
        path = ROOT / self.file
        return path.is_file() and self.text in path.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Attributes:
        page: The page, from the root.
        line: Where it begins.
        language: Such as `toml`.
        text: What is in it.
        file: The file to which the reader adds it: the line above ends with its name in backticks and a colon.
        proof: From the comment above, `<!-- run by FILE: TEXT -->`.
    """

    page: str
    line: int
    language: str
    text: str
    file: str
    proof: Proof | None

    @property
    def place(self) -> str:
        """The page and the line."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a reader types, and its exit status: 0, or N where its comment says `exits N`."""

    text: str
    status: int
    place: str


def pages() -> list[str]:
    """Return every page, from the root."""
    found = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "compose").rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found if not {".venv", "node_modules"} & {*path.parts})


def blocks(page: str, *languages: str) -> list[Block]:
    """Return the blocks of a page that are in one of the languages."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        indent, language, body = match.groups()
        above = text[: match.start()].rstrip().rpartition("\n")[2].strip()
        proof, file = _PROOF.fullmatch(above), _FILE.search(above)
        found.append(
            Block(
                page,
                text.count("\n", 0, match.start()) + 1,
                language,
                re.sub(f"^{indent}", "", body, flags=re.M),
                file[1] if file else "",
                Proof(*proof.groups()) if proof else None,
            )
        )
    return [block for block in found if block.language in languages] if languages else found


def commands(block: Block) -> Iterator[Command]:
    """Yield what a reader types; where some lines begin with `$`, the others are what the commands print."""
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    typed = [line[2:] for line in lines if line.startswith("$ ")] or lines
    for line in typed:
        comment = _COMMENT.search(line)
        text = line[: comment.start()].strip() if comment else line.strip()
        if text:
            exits = _EXITS.search(comment[1]) if comment else None
            yield Command(text, int(exits[1]) if exits else 0, block.place)
