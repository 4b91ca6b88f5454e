"""Reads the planted defects and their look-alikes from `cases/*.txt`.

A file consists of kinds. A line `@@@ name | sentence` begins one; `@@ bad KINDS` and `@@ fine` begin a variant of it,
and `@ path` a file of the variant. KINDS are the causes, or the rules, any of which is right. Options of a variant
follow its kinds: `suggestion=TEXT`, `no-init` (its folder of tests is no package), `python>=3.12` (it is what it says
only from this version on) and `python<3.12`.

Paths: `test` (the test file's first lines), `tests` (tests that are added to it), `test2` and so on (further test
files), `lib/…` (a package of its own), `helper` (a module under tests/helpers), `dir/…` (a folder of its own for the
tests; the test file then lies in it), `sound` (a test file beside the others that is not broken).
In the text LIB, HELPER and HERE stand for the dotted names of these, UNIQUE for a word of the variant's own, and a ¤
for the place of the fault.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Kind", "Variant", "read"]

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to be wrong, or to look wrong: the files, and for a fault the causes or rules that are right."""

    files: dict[str, str]
    kinds: tuple[str, ...]
    suggestion: str
    no_init: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of defect with its look-alikes; `rule` when the test files can be imported."""

    name: str
    about: str
    rule: bool
    bad: tuple[Variant, ...]
    fine: tuple[Variant, ...]


def read(folder: Path = FOLDER) -> list[Kind]:
    """Return all kinds; raises `ValueError` for one without a variant on either side."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        for part in re.split(r"^@@@ ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            head, _, rest = part.partition("\n")
            name, _, about = (piece.strip() for piece in head.partition("|"))
            variants = [_variant(text) for text in re.split(r"^@@ ", rest, flags=re.M)[1:]]
            usable = [variant for variant in variants if variant is not None]
            bad = tuple(v for v in usable if v.kinds)
            fine = tuple(v for v in usable if not v.kinds)
            if not bad or not fine:
                raise ValueError(f"{path.name}: {name} has no variant that is {'fine' if bad else 'bad'}")
            found.append(Kind(name, about, path.stem.startswith("rules"), bad, fine))
    return found


def _variant(text: str) -> Variant | None:
    head, _, rest = text.partition("\n")
    side, *options = head.split()
    kinds: tuple[str, ...] = ()
    suggestion, no_init = "", False
    for option in options:
        if option.startswith("suggestion="):
            suggestion = option.removeprefix("suggestion=")
        elif option == "no-init":
            no_init = True
        elif option.startswith("python"):
            if not _here(option.removeprefix("python")):
                return None
        else:
            kinds = tuple(option.split(","))
    if bool(kinds) != (side == "bad"):
        raise ValueError(f"a variant begins with {head!r}")
    files = {}
    for part in re.split(r"^@ ", rest, flags=re.M)[1:]:
        path, _, body = part.partition("\n")
        files[path.strip()] = body.strip("\n") + "\n" if body.strip() else ""
    return Variant(files, kinds, suggestion, no_init)


def _here(wanted: str) -> bool:
    version = tuple(int(part) for part in wanted.lstrip("<>=").split("."))
    return sys.version_info >= version if wanted.startswith(">=") else sys.version_info < version
