"""The registry of public names: where each is to be imported from. Made from the source, and compared with it."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

from test_framework import inputs
from test_framework.audit.module_exports import read_exports
from test_framework.audit.naming import ModuleNaming
from test_framework.config import BadSetting
from test_framework.suite.discovery import is_test_file, walk
from test_framework.suite.module_finder import ModuleFinder
from test_framework.suite.pytest_settings import read_pytest_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from test_framework.audit.module_exports import ModuleExports
    from test_framework.config import Settings

Registry = dict[str, list[str]]
"""Public name to the modules that it is to be imported from: one for each thing that is called so."""

_RUN_BY_TOOLS = ("conftest", "noxfile", "setup", "tasks")
_FORMATS = (".json", ".toml")
_HEAD = "# Where each public name is to be imported from. Made by `imports registry`; do not edit.\n"


def make_registry(root: Path, settings: Settings) -> Registry:
    """Return where each public name of a project is to be imported from.

    Public is what a module's `__all__` names, and without one what it defines without an underscore. A name that
    several modules offer, since some import it from others, is to be imported from the one with the shortest name in
    which no part has an underscore. Tests, conftests and what only tools run are left out.

    Raises:
        BadSetting: The project's settings of pytest cannot be read.
    """
    root = root.resolve()
    finder = ModuleFinder()
    tree = walk(str(root), finder, settings.audit.exclude)
    pytest = read_pytest_settings(root, [])
    naming = ModuleNaming(str(root), pytest.pythonpath, finder)
    modules: dict[str, ModuleExports] = {}
    for path in tree.python:
        name = naming.module(path)
        importable = all(part.isidentifier() for part in name.split("."))
        if importable and name.rpartition(".")[2] not in _RUN_BY_TOOLS and not is_test_file(path, pytest.python_files):
            module = read_exports(path, naming.package(path))
            if module is not None:
                modules[name] = module
    places: dict[tuple[str, str], set[str]] = {}
    for name, module in modules.items():
        for public in module.public():
            places.setdefault(_origin(name, public, modules), set()).add(f"{name}.{public}")
    found: Registry = {}
    for same in places.values():
        module_name, _, public = min(same, key=_distance).rpartition(".")
        found.setdefault(public, []).append(module_name)
    return {name: sorted(found[name]) for name in sorted(found)}


def _distance(place: str) -> tuple[int, int, str]:
    parts = place.split(".")
    return sum(part.startswith("_") for part in parts), len(parts), place


def _origin(module: str, name: str, modules: Mapping[str, ModuleExports]) -> tuple[str, str]:
    """Return where a name is defined, as far as it is in the project."""
    seen: set[tuple[str, str]] = set()
    while (module, name) not in seen and module in modules:
        seen.add((module, name))
        origin = modules[module].imported.get(name)
        if origin is None or name in modules[module].defined or origin[0] not in modules:
            break
        module, name = origin
    return module, name


def format_registry(registry: Registry, path: Path) -> str:
    """Return a registry as text; the ending of the file says how, `.toml` or `.json`.

    Raises:
        BadSetting: Another ending.
    """
    plain = {name: places[0] if len(places) == 1 else places for name, places in registry.items()}
    if _format(path) == ".json":
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
    # A key that is not ASCII needs quotes, and a JSON text is one of TOML.
    lines = (
        f"{name if name.isascii() else json.dumps(name, ensure_ascii=False)} = {json.dumps(place, ensure_ascii=False)}"
        for name, place in plain.items()
    )
    return "\n".join([_HEAD, *lines, ""]) if plain else _HEAD


def load_registry(path: Path) -> Registry:
    """Return a registry from its file.

    Raises:
        BadSetting: It is not there, or is none.
    """
    try:
        text = inputs.read_text(path)
        data = json.loads(text) if _format(path) == ".json" else tomllib.loads(text)
    except FileNotFoundError as error:
        raise BadSetting(f"{path} is not there: `imports registry` writes it.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadSetting(f"{path} cannot be read: {error}.") from error
    places = {n: [p] if isinstance(p, str) else p for n, p in data.items()} if isinstance(data, dict) else None
    if places is None or not all(isinstance(p, list) and all(isinstance(m, str) for m in p) for p in places.values()):
        raise BadSetting(f"{path} is no registry: each name must have a module, or a list of modules.")
    return places


def compare_registries(kept: Registry, now: Registry) -> list[str]:
    """Return a line for each name whose place is not the one that is kept."""
    lines = []
    for name in sorted(kept.keys() | now.keys()):
        before, after = kept.get(name), now.get(name)
        if before is None:
            lines.append(f"+ {name}: {', '.join(now[name])} is not in the registry")
        elif after is None:
            lines.append(f"- {name}: {', '.join(before)} is in the registry, and no module offers it")
        elif sorted(before) != after:
            lines.append(f"! {name}: {', '.join(before)} in the registry, {', '.join(after)} in the source")
    return lines


def _format(path: Path) -> str:
    if path.suffix not in _FORMATS:
        raise BadSetting.value("--file", str(path), "the command line", f"a file that ends in {' or '.join(_FORMATS)}")
    return path.suffix
