"""Plans batches of independent mutations of a real project, applies one and takes it back."""

from __future__ import annotations

import json
import os
import random
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tests.audit.mutations import IN_MODULES, IN_TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.audit.projects import Place

__all__ = ["Batch", "Mutation", "applied", "plan"]

TESTS_AT_ONCE = 30
LEAVES_AT_ONCE = 4
SAMPLE = 30
MOVED = ("module deleted", "module renamed")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One damage: `text` takes the place of a file's (None: it is gone), or an installed package is hidden."""

    kind: str
    path: str
    words: tuple[str, ...]
    text: str | None = None
    moved_to: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Mutations that are there at the same time, and the test files that are looked at, which are all when empty."""

    number: int
    mutations: tuple[Mutation, ...]
    sample: tuple[str, ...] = ()


def plan(place: Place, tests: set[str], mutations: int, seed: int) -> list[Batch]:
    """Return the batches: the same for the same seed and tree. The first one has no mutation.

    Test files are damaged many at a time, each for itself; modules that the package does not import by itself a few at
    a time; those that it does, conftests and installed packages alone, since everything may depend on them. Then a
    sample of the test files is enough: most break alike, and each of them takes as long as importing the package.
    """
    rng = random.Random(f"{place.project.requirement} {seed}")  # noqa: S311  # repeatable, no secret
    modules = _modules(place, tests)
    core = _loaded(place) & modules
    leaves = sorted(modules - core)
    conftests = sorted(p.relative_to(place.root).as_posix() for p in place.root.rglob("conftest.py"))
    alone = max(mutations // 10, 3)
    groups: list[list[Mutation]] = []
    groups += [[m] for m in _of_modules(place, rng, sorted(core), alone)]
    in_use = [c for c in conftests if any(t.startswith(f"{os.path.dirname(c)}/") for t in tests)]  # noqa: PTH120
    groups += [[m] for m in _of_files(place, rng, in_use, max(mutations // 50, 2), "conftest: ")]
    hidden = [Mutation("dependency uninstalled", "", (name,), package=name) for name in place.project.hidden]
    groups += [[one] for one in hidden]
    few = _of_modules(place, rng, leaves, mutations // 4) if leaves else []
    groups += [few[n : n + LEAVES_AT_ONCE] for n in range(0, len(few), LEAVES_AT_ONCE)]
    rest = max(mutations - sum(map(len, groups)), 0)
    many = _of_files(place, rng, sorted(tests), rest, "")
    while many:
        by_file: dict[str, Mutation] = {}
        for one in list(many):
            if len(by_file) < TESTS_AT_ONCE and one.path not in by_file:
                by_file[one.path] = one
                many.remove(one)
        groups.append(list(by_file.values()))
    rng.shuffle(groups)
    batches = [Batch(0, ())]
    for number, group in enumerate(groups, 1):
        sample = rng.sample(sorted(tests), min(SAMPLE, len(tests))) if len(group) == 1 else []
        batches.append(Batch(number, tuple(group), tuple(sorted({*sample, *_near(place, group, tests)}))))
    return batches


def _near(place: Place, group: list[Mutation], tests: set[str]) -> list[str]:
    """Return the first test files that name what is damaged alone or lie beside it, which may be few of all."""
    if len(group) != 1:
        return []
    mutation = group[0]
    folder = mutation.path.rpartition("/")[0]
    word = mutation.package or Path(mutation.path).stem
    found = (
        path
        for path in sorted(tests)
        if (folder and path.startswith(f"{folder}/")) or word in (_text(place.root / path) or "")
    )
    return list(islice(found, SAMPLE))


def _modules(place: Place, tests: set[str]) -> set[str]:
    folders = {place.project.package, *place.project.beside, *(t.partition("/")[0] for t in place.project.tests)}
    found = {p.relative_to(place.root).as_posix() for f in folders for p in (place.root / f).rglob("*.py")}
    return {path for path in found - tests if not path.endswith("conftest.py")}


def _loaded(place: Place) -> set[str]:
    """Return the files that are loaded when the package is imported."""
    name = Path(place.project.package).name
    code = (
        f"import {name}, sys, json; "
        "print(json.dumps([m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)]))"
    )
    told = subprocess.run([place.python, "-c", code], cwd=place.root, capture_output=True, text=True, check=True)
    root = place.root.resolve()
    files = [Path(f) for f in json.loads(told.stdout.splitlines()[-1])]
    return {f.relative_to(root).as_posix() for f in files if f.is_relative_to(root)}


def _of_modules(place: Place, rng: random.Random, paths: list[str], number: int) -> list[Mutation]:
    found: list[Mutation] = []
    kinds = [*IN_MODULES, *MOVED, "import circle"]
    for attempt in range(number * 6):
        if len(found) == number or not paths:
            break
        kind, path = kinds[attempt % len(kinds)], rng.choice(paths)
        text = _text(place.root / path)
        # Several of a batch must not be in one file.
        if text is None or any(m.path == path for m in found[-LEAVES_AT_ONCE:]):
            continue
        name = Path(path).stem
        if kind in MOVED:
            if name not in {"__init__", "__main__"}:
                moved = f"{path[:-3]}_moved.py" if kind == "module renamed" else ""
                found.append(Mutation(kind, path, (name,), None, moved))
        elif kind == "import circle":
            found += _circle(path, text)
        else:
            damage = IN_MODULES[kind](rng, text)
            if damage is not None and damage.text != text:
                found.append(Mutation(f"module: {kind}", path, damage.words, damage.text))
    return found[:number]


def _circle(path: str, text: str) -> list[Mutation]:
    """Return a mutation by which a module imports itself through its own name before it has it."""
    lines = text.splitlines(keepends=True)
    defined = [line.split("(")[0].split(":")[0].split()[1] for line in lines if line.startswith(("def ", "class "))]
    at = next(
        (n for n, line in enumerate(lines) if line.startswith(("import ", "from ")) and "__future__" not in line), 0
    )
    name = Path(path).stem
    if not defined or not at or name.startswith("__"):
        return []
    changed = [*lines[:at], f"from .{name} import {defined[-1]}\n", *lines[at:]]
    return [Mutation("import circle", path, (defined[-1],), "".join(changed))]


def _of_files(place: Place, rng: random.Random, paths: list[str], number: int, prefix: str) -> list[Mutation]:
    found: list[Mutation] = []
    kinds = list(IN_TESTS)
    for attempt in range(number * 6):
        if len(found) == number or not paths:
            break
        kind, path = kinds[attempt % len(kinds)], rng.choice(paths)
        text = _text(place.root / path)
        damage = IN_TESTS[kind](rng, text) if text else None
        if damage is not None and damage.text != text:
            found.append(Mutation(f"{prefix}{kind}", path, damage.words, damage.text))
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


@contextmanager
def applied(place: Place, batch: Batch) -> Iterator[None]:
    """Damage the tree for as long as the context is open, and put back what was there, times included."""
    saved: dict[Path, tuple[bytes, os.stat_result]] = {}
    made: list[Path] = []
    hidden: list[tuple[Path, Path]] = []
    try:
        for mutation in batch.mutations:
            if mutation.package:
                hidden += _hide(place, mutation.package)
                continue
            path = place.root / mutation.path
            saved.setdefault(path, (path.read_bytes(), path.stat()))
            if mutation.moved_to:
                made.append(place.root / mutation.moved_to)
                made[-1].write_bytes(path.read_bytes())
            if mutation.text is None:
                path.unlink()
            else:
                path.write_bytes(mutation.text.encode("utf-8"))
        yield
    finally:
        for path, (data, stat) in saved.items():
            path.write_bytes(data)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        for path in made:
            path.unlink(missing_ok=True)
        for was, now in hidden:
            now.rename(was)


def _hide(place: Place, package: str) -> list[tuple[Path, Path]]:
    """Move an installed package and what says that it is installed out of sight; return the old and the new paths."""
    found = [place.site_packages / package, place.site_packages / f"{package}.py"]
    for info in place.site_packages.glob("*.dist-info"):
        names = info / "top_level.txt"
        tops = names.read_text(encoding="utf-8").split() if names.exists() else []
        if info.name.partition("-")[0].lower() == package.lower() or package in tops:
            found.append(info)
    moved = []
    for path in found:
        if path.exists():
            path.rename(path.with_name(f"{path.name}.proof-hidden"))
            moved.append((path, path.with_name(f"{path.name}.proof-hidden")))
    return moved
