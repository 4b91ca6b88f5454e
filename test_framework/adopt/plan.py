"""Which files `init` adds to a project, which it changes, and what it leaves to a person."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.adopt import texts
from test_framework.adopt.lines import after
from test_framework.adopt.modules import ByHand, added
from test_framework.adopt.project import Project, data_at, is_inside
from test_framework.adopt.settings import GROUP, install_needs, keys, reports_folder, schema, tier_paths
from test_framework.adopt.tables import with_keys
from test_framework.config import BadSetting
from test_framework.plugin.markers import FIXTURES
from test_framework.suite.discovery import is_test_file
from test_framework.suite.writing import unified_diff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SETTINGS = "pyproject.toml"
_IGNORED = ".gitignore"
_WRITABLE = 0o222


@dataclass(frozen=True, slots=True)
class Change:
    """A file as it is to be.

    Attributes:
        path: The file, from the project's root.
        before: What it holds now; None when it is not there.
        after: What it is to hold.
    """

    path: str
    before: bytes | None
    after: bytes

    def diff(self) -> bytes:
        """Return it as a unified diff, in the file's own encoding."""
        return unified_diff(self.path, self.before, self.after)


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do.

    Attributes:
        root: The project's folder.
        changes: The files; the settings come first, since what follows relies on them.
        by_hand: What a person has to do, or may do.
        left_out: The files that rely on settings which a person has to write first.
        untouched: The files that lack something which only a person can add.
    """

    root: Path
    changes: list[Change] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)

    def put(self, path: str, made: Callable[[bytes | None], bytes | None]) -> bool:
        """Plan a file, where there is anything to change in it; return whether that can be done.

        Raises:
            BadSetting: It may not be read or written.
        """
        before = _read(self.root, path)
        try:
            content = made(before)
        except ByHand as told:
            self.by_hand.append(str(told))
            self.untouched.append(path)
            return False
        if content is not None and content != before:
            if before is not None and not (self.root / path).stat().st_mode & _WRITABLE:
                raise BadSetting(f"{path} is read-only, and it is to be changed: make it writable, or add by hand.")
            self.changes.append(Change(path, before, content))
        return True

    def leave_out(self) -> None:
        """Leave out what relies on the settings."""
        self.left_out.extend(change.path for change in self.changes if relies(change.path))
        self.changes[:] = [change for change in self.changes if not relies(change.path)]


def relies(path: str) -> bool:
    """Whether a file does not do without the settings."""
    return path not in (SETTINGS, _IGNORED)


def make_plan(root: Path) -> Plan:
    """Return what is to be added to a project; nothing is written.

    Raises:
        BadSetting: A file of the project cannot be read, says what cannot be, or may not be written.
    """
    _read(root, SETTINGS)  # says of a link that leads out of the project that it is one
    project = Project.at(root)
    plan = Plan(root)
    wanted = keys(project)
    settled = not wanted or plan.put(
        SETTINGS, lambda before: with_keys(SETTINGS, (before or b"").decode(), wanted).encode()
    )
    # As git writes paths, which knows no "./out"; what lies elsewhere is no part of this repository.
    reports = os.path.relpath(root / reports_folder(project), root).replace(os.sep, "/")
    if reports.partition("/")[0] not in (".", "..") and not project.is_ignored(f"{reports}/unit.json"):
        plan.put(_IGNORED, lambda before: _line(before, f"{reports}/"))
    tests = {name: _new_test(project, plan, name) for name in ("integration", "smoke")}
    sessions = [name for name in texts.SESSIONS if tests.get(name) or _has_tests(project, name)]
    plan.put("noxfile.py", lambda before: added("noxfile.py", before, texts.noxfile(install_needs(project), sessions)))
    if (root / "tasks").is_dir():
        plan.by_hand.append("tasks/ is left as it is. A task that runs the smoke tier: pytest --tier smoke")
    else:
        plan.put("tasks.py", lambda before: added("tasks.py", before, texts.tasks()))
    for path, text in filter(None, tests.values()):
        plan.put(path, partial(_new, text))
    if not settled:
        plan.leave_out()
    plan.by_hand.extend(_hints(project))
    return plan


def _new(text: str, before: bytes | None) -> bytes | None:
    return text.encode() if before is None else None


def _has_tests(project: Project, tier: str) -> bool:
    return any(is_inside(path, tier_paths(project, tier)) for path in project.tests)


def _line(before: bytes | None, line: str) -> bytes | None:
    """Return a file with a line at its end; None where it is there, whatever follows from it."""
    text = (before or b"").decode("utf-8", "surrogateescape")
    return None if line in text.splitlines() else after(text, f"{line}\n", 0).encode("utf-8", "surrogateescape")


def _new_test(project: Project, plan: Plan, tier: str) -> tuple[str, str] | None:
    """Return the first test of a tier, its path and its text; None when there is one that uses our fixtures."""
    paths = tier_paths(project, tier)
    ours = re.compile(rf"\b(?:{'|'.join(sorted(FIXTURES, key=len, reverse=True))})\b\s*[,):]")
    there = [path for path in project.tests if is_inside(path, paths)]
    if any(ours.search(project.text(path)) for path in there):
        return None
    folder = next((path for path in paths if not path.endswith(".py")), "")
    name = _free_name(project, ("services", "real_services") if tier == "integration" else ("answers", "all_answers"))
    taken = _taken(project)
    why = ""
    if not folder:
        why = f"its paths are files: {', '.join(paths)}"
    elif not name:
        why = f"pytest's python_files, {' '.join(project.pytest.python_files)}, leave no name for it"
    elif not any(_fits("test_it", pattern) for pattern in project.pytest.python_functions):
        why = f"pytest's python_functions are {' '.join(project.pytest.python_functions)}"
    elif taken:
        why = f"{taken} has a fixture of the name of one of ours"
    if why:
        plan.by_hand.append(f"No first test of the tier {tier} is written, since {why}.")
        return None
    made = texts.first_test if tier == "integration" else texts.smoke_test
    return f"{folder}/{name}", made(project.services)


def _fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern) or fnmatch(name, pattern)


def _free_name(project: Project, stems: Iterable[str]) -> str:
    """Return a name of test files that no module has yet: pytest may import both by it, and refuse the second."""
    used = {path.rpartition("/")[2] for path in project.python}
    names = (name for stem in stems for name in (f"test_{stem}.py", f"{stem}_test.py", f"{stem}_tests.py"))
    return next((n for n in names if n not in used and is_test_file(f"/{n}", project.pytest.python_files)), "")


def _taken(project: Project) -> str:
    """Return the conftest that has a fixture of the name of one that a first test uses."""
    wanted = "|".join(f"{service}(?:_db)?" for service in project.services)
    own = re.compile(rf"^(?:async )?def (?:{wanted})\(", re.M)
    found = (path for path in project.python if path.rpartition("/")[2] == "conftest.py")
    return next((path for path in found if own.search(project.text(path))), "")


def _hints(project: Project) -> Iterator[str]:
    """Yield what cannot be known from here, or is not ours to change."""
    ini = Path(project.pytest.file) if project.pytest.file else None
    if ini and ini.parent != project.root and (ini.name != SETTINGS or "[tool.pytest" in ini.read_text("utf-8")):
        yield f"pytest takes {ini.parent} for the root, because of {ini.name} there: give the project a pytest.ini."
    poetry = data_at(project.data, "tool.poetry.group") or {}
    if poetry and not data_at(project.data, "dependency-groups"):
        yield f"pip does not read Poetry's groups ({', '.join(poetry)}): add to the group {GROUP} what the tests need."
    every = [p for tier in project.settings.tiers for p in _paths(project, tier)]
    lost = sorted({path.rpartition("/")[0] or "." for path in project.tests if not is_inside(path, every)})
    if lost:
        yield f"No tier runs the tests in {', '.join(lost)}: name them in the paths of one."
    template = project.settings.service("postgres").template or schema(project)
    for name, what in (("alembic.ini", "Alembic"), ("manage.py", "Django")):
        if not template and (project.root / name).is_file():
            yield (
                f"{name}: to give each test's database the schema of {what}, set "
                f'template = "package.module:callable" in [tool.test_framework.services.postgres].'
            )


def _paths(project: Project, tier: str) -> tuple[str, ...]:
    return tier_paths(project, tier) if tier in texts.SESSIONS else project.settings.tier(tier).paths


def _read(root: Path, path: str) -> bytes | None:
    """Return what a file of the project holds; None when it is not there.

    Raises:
        BadSetting: It cannot be read, or lies elsewhere.
    """
    real = (root / path).resolve()
    if not real.is_relative_to(root.resolve()):
        raise BadSetting(f"{path} leads to {real}, outside of the project: nothing is changed there.")
    try:
        return real.read_bytes()
    except FileNotFoundError as error:
        if (root / path).is_symlink():
            raise BadSetting(f"{path} is a link to {real}, which is not there.") from error
        return None
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}.") from error
