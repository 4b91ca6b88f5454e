"""What `pyproject.toml` is to say of a project's tiers, beside what it says, and how the project is installed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from test_framework import __version__
from test_framework.adopt.project import data_at, is_inside, tests_folder
from test_framework.adopt.tables import Key
from test_framework.config.tiers import TIERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.adopt.project import Project

GROUP = "tiers"
"""The dependency group from which the tiers are run."""

_TABLE = "tool.test_framework"
_DISTRIBUTION = "pytest-tiers"
_FOR_TESTS = ("test", "tests", "testing", "dev")
_OURS = re.compile(r"\s*pytest[-_.]+tiers(?![-_.]*\w)", re.I)
_NEW_PYTHONS = re.compile(r">=\s*3\.(?:1[1-9]|[2-9]\d)")
_BUILT = "build/reports"
# What only psql understands, and the server does not.
_FOR_PSQL = re.compile(r"^\\|^COPY\b.*\bFROM\s+stdin", re.M | re.I)


def keys(project: Project) -> list[Key]:
    """Return the keys that are missing, those of one table together."""
    found = []
    if not _declared_in(project):
        found.append(Key("dependency-groups", f"{GROUP} = [{', '.join(_requirements(project))}]"))
    if reports_folder(project) != project.settings.reports:
        found.append(Key(_TABLE, f"reports = {json.dumps(reports_folder(project))}"))
    if path := schema(project):
        found.append(Key(f"{_TABLE}.services.postgres", f"template = {json.dumps([path])}"))
    tiers = data_at(project.data, f"{_TABLE}.tiers") or {}
    for name in ("unit", "integration", "smoke"):
        values = "" if name in tiers else ", ".join(_tier(project, name))
        found += [Key(f"{_TABLE}.tiers", f"{name} = {{ {values} }}")] if values else []
    if not found and not project.data:
        # The noxfile reads this file, and it is where pytest finds the root.
        found.append(Key(_TABLE, f"reports = {json.dumps(reports_folder(project))}"))
    return found


def _tier(project: Project, name: str) -> Iterator[str]:
    """Yield what a tier's table is to say where the default is another."""
    if (paths := tier_paths(project, name)) != TIERS[name].paths:
        yield f"paths = {json.dumps(paths)}"
    if name == "unit":
        # Nobody has looked yet at what these tests do.
        if paths != (f"{project.home}/unit",):
            yield "network = true"
    elif project.services != TIERS[name].services:
        yield f"services = {json.dumps(project.services)}"


def tier_paths(project: Project, name: str) -> tuple[str, ...]:
    """Return the paths of a tier, as they are set or as they are to be."""
    if f"tiers.{name}.paths" in project.settings.origins:
        return project.settings.tier(name).paths
    own = f"{project.home}/{name}"
    if name != "unit" or any(path.startswith(f"{own}/") for path in project.tests):
        return (own,)
    taken = [p for tier in project.settings.tiers.values() for p in tier.paths]
    taken += [f"{project.home}/integration", f"{project.home}/smoke"]
    free = [path for path in project.tests if not is_inside(path, taken)]
    folders = sorted({tests_folder(path) for path in free})
    if "." in folders:
        return (".",)
    return tuple(f for f in folders if not any(f.startswith(f"{other}/") for other in folders)) or (own,)


def reports_folder(project: Project) -> str:
    """Return where the reports are to be: where setuptools does not take the folder for a package."""
    if "reports" in project.settings.origins or not project.packages_are_guessed:
        return project.settings.reports
    return _BUILT


def schema(project: Project) -> str:
    """Return the file that is certain to be the schema of the project's Postgres; "" when none is."""
    found = [p for pattern in ("schema.sql", "[!.]*/schema.sql") for p in project.root.glob(pattern) if p.is_file()]
    if len(found) != 1 or not project.has_postgres or project.settings.service("postgres").template:
        return ""
    path = str(found[0].relative_to(project.root))
    return "" if _FOR_PSQL.search(project.text(path)) else path


def install_needs(project: Project) -> list[str]:
    """Return what installs the project with what its tests need, as the noxfile writes it."""
    kind, name = _declared_in(project) or ("group", GROUP)
    extras = data_at(project.data, "project.optional-dependencies") or {}
    extra = name if kind == "extra" else next((e for e in _FOR_TESTS if e in extras), "")
    own = "requirements.txt" if project.is_installable and kind != "file" else ""
    files = [file for file in _files(project) if file != own]
    needs = ["-e", f".[{extra}]" if extra else "."] if project.is_installable else []
    needs += [part for file in files for part in ("-r", file)]
    written = [json.dumps(part) for part in needs]
    group = f"*nox.project.dependency_groups(PROJECT, {json.dumps(name)})"
    return [*written, group] if kind == "group" else written


def _requirements(project: Project) -> Iterator[str]:
    """Yield what the group is to have: us, and the group that is there for tests."""
    wanted = f"{_DISTRIBUTION}[embedded]>={'.'.join(__version__.split('.')[:2])}"
    yield json.dumps(wanted + (" ; python_version >= '3.11'" if _is_for_old_pythons(project) else ""))
    groups = data_at(project.data, "dependency-groups") or {}
    yield from (f"{{ include-group = {json.dumps(name)} }}" for name in _FOR_TESTS if name in groups)


def _is_for_old_pythons(project: Project) -> bool:
    """Whether the project may run on a Python on which we do not: who locks for all of them has to be told."""
    wanted = data_at(project.data, "project.requires-python")
    return wanted is not None and not _NEW_PYTHONS.search(str(wanted))


def _declared_in(project: Project) -> tuple[str, str] | None:
    """Return where we are declared already: a group, an extra, a file, or the project's own dependencies."""
    for kind, dotted in (("group", "dependency-groups"), ("extra", "project.optional-dependencies")):
        for name, wanted in (data_at(project.data, dotted) or {}).items():
            if _names_us(wanted):
                return kind, name
    if _names_us(data_at(project.data, "project.dependencies") or ()):
        return "project", ""
    for name in _files(project):
        if _names_us(project.text(name).splitlines()):
            return "file", name
    return None


def _names_us(wanted: Iterable[object]) -> bool:
    return any(isinstance(line, str) and _OURS.match(line) for line in wanted)


def _files(project: Project) -> list[str]:
    """Return the files that say what the project and its tests need."""
    patterns = ("requirements.txt", *(f"*{word}*.txt" for word in _FOR_TESTS), "requirements/*.txt")
    found = [p for pattern in patterns for p in sorted(project.root.glob(pattern)) if p.is_file()]
    names = dict.fromkeys(str(path.relative_to(project.root)) for path in found)
    return [n for n in names if n == "requirements.txt" or ("require" in n and any(w in n for w in _FOR_TESTS))]
