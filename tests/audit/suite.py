"""Writes a large suite with planted defects and look-alikes, and a manifest of what an audit must say of it."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.audit import cases
from tests.audit.project import TIERS, Project
from tests.audit.prose import title

if TYPE_CHECKING:
    from tests.audit.options import Options

__all__ = ["Suite", "written"]

SHARE = 200
"""One in so many test files has a defect of each kind, and another looks like it."""
PYPROJECT = """[project]
name = "acme"
version = "1.0"
dependencies = ["packaging>=20", "pluggy", "pytest"]

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["src", "."]
python_files = ["test_*.py", "*_test.py"]
norecursedirs = [".*", "archive", "build", "dist", "node_modules", "venv"]

[tool.test_framework.audit]
moved = { "acme.legacy.rows.load_rows" = "acme.modern.rows.load_rows" }
"""
RULED = {
    "src/acme/legacy/rows.py": "def load_rows(): return []\ndef other(): return []\n",
    "src/acme/modern/rows.py": "def load_rows(): return []\n",
}
CHECKS = '''"""What tests have in common."""

import pytest


def assert_rows(rows, limit):
    """Check that rows are there and below the limit."""
    _below(rows, limit)


def _below(rows, limit):
    if not all(row < limit for row in rows):
        pytest.fail(f"a row of {rows} is not below {limit}")
'''
CLUTTER = {
    "tests/archive/test_old.py": "def broken(:\n",
    "tests/unit/archive/test_older.py": "import acme.gone\n",
    "tests/unit/test_backup.py.bak": "def broken(:\n",
    "tests/unit/test_backup.py~": "def broken(:\n",
    "tests/unit/.#test_lock.py": "def broken(:\n",
    "tests/.hidden/test_hidden.py": "import acme.gone\n",
    "tests/node_modules/package/test_package.py": "import gone\n",
    "tests/build/test_built.py": "import gone\n",
    ".venv/lib/python3.11/site-packages/thing/test_thing.py": "import gone\n",
    ".venv/pyvenv.cfg": "home = /usr\n",
    "venv/lib/python3.11/site-packages/thing/tests/test_thing.py": "import gone\n",
    "node_modules/thing/test_thing.py": "print 1\n",
    "build/lib/tests/test_copy.py": "import gone\n",
    ".gitignore": "build/\nvenv/\n.venv/\nnode_modules/\narchive/\n",
}


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite as it lies on this machine.

    Attributes:
        root: Its folder.
        manifest: `tests`, the paths of all test files; `modules` and `bytes`, how many; `clutter`, files that pytest
            must not come to; `plants`, each a variant that was planted (see `tests.audit.project.Plant`); `made_of`,
            which changes with anything that it was made of.
    """

    root: Path
    manifest: dict[str, Any]


def written(options: Options) -> Suite:
    """Return the suite of these sizes, which is written when it is not there as it would be written now."""
    sizes = (options.files, options.modules, options.megabytes, options.seed)
    folder = options.cache / "suite-{}-{}-{:g}-{}".format(*sizes)
    file, made_of = folder / "manifest.json", _made_of(*sizes)
    if file.exists():
        manifest = json.loads(file.read_text(encoding="utf-8"))
        if manifest["made_of"] == made_of:
            return Suite(folder / "project", manifest)
    # Without the manifest nobody takes for whole what a run that is killed leaves.
    shutil.rmtree(folder, ignore_errors=True)
    root = folder / "project"
    root.mkdir(parents=True)
    project = _write(root, *sizes)
    manifest = {
        "made_of": made_of,
        "tests": sorted(project.tests),
        "modules": project.modules,
        "bytes": project.bytes,
        "clutter": sorted(path for path in CLUTTER if path.endswith(".py")),
        "plants": [asdict(plant) for plant in project.plants],
    }
    file.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return Suite(root, manifest)


def _made_of(*sizes: float) -> str:
    here = Path(__file__)
    sources = [here, *(here.with_name(f"{name}.py") for name in ("cases", "project", "prose"))]
    # Some variants are what they are only from a version of Python on, and lines of errors are the compiler's.
    digest = blake2b(repr((sizes, sys.version)).encode(), digest_size=16)
    for path in [*sources, *sorted((here.parent / "cases").glob("*.txt"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _write(root: Path, files: int, modules: int, megabytes: float, seed: int) -> Project:
    project = Project(root, seed, int(megabytes * 1e6 / (files + modules)))
    _frame(project)
    for kind in cases.read():
        # As many that look like a defect as there are defects, and each variant once at least.
        copies = max(len(kind.bad), len(kind.fine), files // SHARE)
        for variants in (kind.bad, kind.fine):
            for number in range(copies):
                project.plant(kind, variants[number % len(variants)])
    apis = _modules(project, modules, megabytes, files)
    _tests(project, apis, files, megabytes)
    return project


def _frame(project: Project) -> None:
    for path, text in {"pyproject.toml": PYPROJECT, "tests/helpers/checks.py": CHECKS, **CLUTTER}.items():
        file = project.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    project.package("src/acme")
    project.package("tests/helpers")
    for path, text in RULED.items():
        project.package(path.rpartition("/")[0])
        project.write(path, text)
    fixture = "import pytest\n\n\n@pytest.fixture\ndef {}_rows():\n    return [1, 2]\n"
    project.write("tests/conftest.py", fixture.format("all"))
    for tier in TIERS:
        project.package(f"tests/{tier}")
        project.write(f"tests/{tier}/conftest.py", fixture.format(tier))
        for area in project.areas[::3]:
            project.package(f"tests/{tier}/{area}")
            project.write(f"tests/{tier}/{area}/conftest.py", fixture.format(area))


def _modules(project: Project, modules: int, megabytes: float, files: int) -> list[tuple[str, str, str]]:
    """Write sound modules, each of which imports earlier ones; return area, module and word of each."""
    made: list[tuple[str, str, str]] = []
    exported: dict[str, list[str]] = {}
    wanted = max(modules - project.modules, len(project.areas) * 2)
    left = megabytes * 1e6 - project.bytes
    project.size = max(int(left / (wanted + max(files - len(project.tests), 0))), 500)
    for number in range(wanted):
        area = project.areas[number * len(project.areas) // wanted]
        unique = project.unique()
        project.package(f"src/acme/{area}")
        lines = ["from __future__ import annotations", "import typing as t"]
        for other_area, module, name in project.rng.sample(made, min(len(made), project.rng.randrange(4))):
            near = other_area == area
            dotted = f".{module}" if near else f"acme.{other_area}.{module}"
            lines.append(f"from {dotted} import open_{name}, {name.upper()}_LIMIT as {name.upper()}_MOST")
        lines.append(f"if t.TYPE_CHECKING:\n    from acme.{project.rng.choice(project.areas)} import anything_{unique}")
        lines.append(f"{unique.upper()}_LIMIT: int = {number}\nclass {title(unique)}(Exception): ...")
        lines.append(f"def open_{unique}(rows: anything_{unique} = ()) -> t.Any:\n    return rows")
        project.write(f"src/acme/{area}/{unique}.py", project.module_text("\n".join(lines)))
        made.append((area, unique, unique))
        if number % 5 == 0:
            exported.setdefault(area, []).append(unique)
    for area, names in exported.items():
        text = "".join(f"from .{name} import open_{name}, {title(name)} as {title(name)}\n" for name in names)
        names_of_all = ", ".join(f'"open_{name}", "{title(name)}"' for name in names)
        (project.root / f"src/acme/{area}/__init__.py").write_text(f"{text}__all__ = [{names_of_all}]\n", "utf-8")
        made += [(area, "", name) for name in names]
    return made


def _tests(project: Project, apis: list[tuple[str, str, str]], files: int, megabytes: float) -> None:
    """Write sound test files until there are enough."""
    while len(project.tests) < files:
        left = megabytes * 1e6 - project.bytes
        project.size = max(int(left / (files - len(project.tests))), 500)
        folder, _ = project.place()
        lines = []
        for area, module, name in project.rng.sample(apis, min(len(apis), 3)):
            dotted = f"acme.{area}.{module}".rstrip(".")
            ways = [f"from {dotted} import open_{name}", f"from acme import {area}"]
            if module:
                ways += [f"import {dotted}", f"from acme.{area} import {module} as used", f"from {dotted} import *"]
            lines.append(project.rng.choice(ways))
        project.write(f"{folder}/test_{project.unique()}.py", project.test_text("\n".join(lines)))
