"""The audited project's own settings of pytest, found and read as pytest does, without starting it.

The names and the order of the files, and which tables count, are those of `_pytest/config/findpaths.py`.
"""

from __future__ import annotations

import os
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework.config import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_NORECURSE = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
_MODES = ("prepend", "append", "importlib")


@dataclass(frozen=True, slots=True)
class PytestSettings:
    """What decides which files pytest collects, and how it imports them; paths are absolute."""

    rootdir: str
    file: str = ""  # the file that the settings come from
    testpaths: tuple[str, ...] = ()
    python_files: tuple[str, ...] = ("test_*.py", "*_test.py")
    python_classes: tuple[str, ...] = ("Test",)
    python_functions: tuple[str, ...] = ("test",)
    norecursedirs: tuple[str, ...] = _NORECURSE
    import_mode: str = "prepend"
    pythonpath: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    ignore_glob: tuple[str, ...] = ()
    namespaces: bool = False  # consider_namespace_packages
    conftests: bool = True


def read_pytest_settings(root: Path, paths: Sequence[Path] = ()) -> PytestSettings:
    """Return the settings for a run of pytest in `root` with these arguments.

    Raises:
        BadSetting: The file cannot be read, or says what pytest would refuse.
    """
    start = Path(os.path.commonpath([str(p if p.is_dir() else p.parent) for p in paths])) if paths else root
    folder, file, table = _locate(start)
    if file is None and start != root:
        folder, file, table = _locate(root)
    options = _Options(shlex.split(" ".join(_list(table, "addopts"))))
    base = file.parent if file else root
    default = PytestSettings(rootdir=str(folder or root))
    mode = options.last("--import-mode") or default.import_mode
    if mode not in _MODES:
        raise BadSetting.value("--import-mode", mode, f"addopts of {file}", f"one of {', '.join(_MODES)}")
    return PytestSettings(
        rootdir=default.rootdir,
        file=str(file or ""),
        testpaths=tuple(_testpaths(base, _list(table, "testpaths"))) if folder == root else (),
        python_files=_list(table, "python_files") or default.python_files,
        python_classes=_list(table, "python_classes") or default.python_classes,
        python_functions=_list(table, "python_functions") or default.python_functions,
        norecursedirs=_list(table, "norecursedirs") if "norecursedirs" in table else default.norecursedirs,
        import_mode=mode,
        pythonpath=tuple(os.path.normpath(base / p) for p in _list(table, "pythonpath")),
        plugins=tuple(p for p in options.all("-p") if not p.startswith("no:")),
        ignore=tuple(os.path.normpath(root / p) for p in options.all("--ignore")),
        ignore_glob=tuple(os.path.normpath(root / p) for p in options.all("--ignore-glob")),
        namespaces=str(table.get("consider_namespace_packages", "")).lower() in ("1", "true", "yes", "on"),
        conftests="--noconftest" not in options.words,
    )


class _Options:
    """The words of `addopts`."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)

    def all(self, option: str) -> list[str]:
        """Return each value of an option, written with a space, with `=`, or joined to a short one."""
        found = []
        for at, word in enumerate(self.words):
            if word == option:
                found += self.words[at + 1 : at + 2]
            elif option.startswith("--") and word.startswith(f"{option}="):
                found.append(word.partition("=")[2])
            elif not option.startswith("--") and word.startswith(option) and not word.startswith("--"):
                found.append(word[len(option) :])
        return found

    def last(self, option: str) -> str:
        """Return the value that counts."""
        return (self.all(option) or [""])[-1]


def _list(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, ())
    if isinstance(value, str):
        return tuple(shlex.split(value))
    return tuple(str(v) for v in value) if isinstance(value, list | tuple) else ()


def _testpaths(base: Path, patterns: Sequence[str]) -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        if any(c in pattern for c in "*?["):
            found += sorted(str(p) for p in base.glob(pattern))
        elif (base / pattern).exists():
            found.append(os.path.normpath(base / pattern))
    return found


def _locate(start: Path) -> tuple[Path | None, Path | None, Mapping[str, Any]]:
    """Return rootdir, the file and its table, from `start` upwards."""
    project: Path | None = None
    for folder in (start, *start.parents):
        for name, load in _FILES:
            path = folder / name
            if path.is_file():
                if name == "pyproject.toml":
                    project = project or path
                table = load(path)
                if table is not None:
                    return folder, path, table
    for folder in (start, *start.parents):
        if (folder / "setup.py").is_file():
            return folder, None, {}
    return (project.parent, project, {}) if project else (None, None, {})


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise BadSetting(f"{path} cannot be read: {error}.") from error


def _own_toml(path: Path) -> Mapping[str, Any]:
    table = _toml(path).get("pytest", {})
    return table if isinstance(table, dict) else {}


def _pyproject(path: Path) -> Mapping[str, Any] | None:
    tool = _toml(path).get("tool", {})
    table = tool.get("pytest", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        return None
    native = {k: v for k, v in table.items() if k != "ini_options"}
    inner = table.get("ini_options")
    return native or (inner if isinstance(inner, dict) else None)


def _ini(section: str, *, always: bool) -> Callable[[Path], Mapping[str, Any] | None]:
    def load(path: Path) -> Mapping[str, Any] | None:
        import iniconfig

        try:
            found = iniconfig.IniConfig(str(path))
        except (iniconfig.ParseError, UnicodeDecodeError, OSError) as error:
            raise BadSetting(f"{path} cannot be read: {error}.") from error
        if section in found:
            return dict(found[section].items())
        return {} if always else None

    return load


_FILES: tuple[tuple[str, Callable[[Path], Mapping[str, Any] | None]], ...] = (
    ("pytest.toml", _own_toml),
    (".pytest.toml", _own_toml),
    ("pytest.ini", _ini("pytest", always=True)),
    (".pytest.ini", _ini("pytest", always=True)),
    ("pyproject.toml", _pyproject),
    ("tox.ini", _ini("pytest", always=False)),
    ("setup.cfg", _ini("tool:pytest", always=False)),
)
