"""Reads the settings from the file, the environment and the command line, and refuses what it does not know."""

from __future__ import annotations

import os
import tomllib
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework.config.model import (
    BadSetting,
    Gate,
    MajorMismatch,
    ServiceLevels,
    ServiceSettings,
    Settings,
    TierSettings,
)
from test_framework.config.tiers import TIERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import StrEnum

__all__ = ["find_root", "in_ci", "load", "names"]

PREFIX = "TEST_FRAMEWORK_"
_TABLE = "tool.test_framework"
_NO_KEYS: dict[type, tuple[str, ...]] = {Settings: ("root", "levels", "services", "tiers", "origins")}
_PACKAGE = Path(__file__).parent.parent


def names(package: str) -> tuple[str, ...]:
    """Return the modules of `providers` or `services`: a new file there is a new choice, with no list to keep."""
    found = (p for p in (_PACKAGE / package).iterdir() if not p.name.startswith("_"))
    return tuple(sorted(p.stem for p in found if p.suffix == ".py" or (p / "__init__.py").exists()))


def find_root(start: Path) -> Path:
    """Return the nearest folder, from `start` upwards, whose `pyproject.toml` has our table, else one with any."""
    start = start.resolve()
    with_file = [p for p in (start, *start.parents) if (p / "pyproject.toml").is_file()]
    for folder in with_file:
        if f"[{_TABLE}" in (folder / "pyproject.toml").read_text(encoding="utf-8", errors="replace"):
            return folder
    return with_file[0] if with_file else start


def load(
    root: Path,
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, tuple[object, str]] | None = None,
) -> Settings:
    """Read every layer and return the settings.

    Args:
        root: The project's root, where `pyproject.toml` may be.
        env: The environment; `os.environ` when None.
        overrides: What the command line says: dotted key to value and the option's name.

    Raises:
        BadSetting: A key or a value is not known; the message names it, its source and the choices.
    """
    env = os.environ if env is None else env
    reader = _Reader(env)
    reader.file(root / "pyproject.toml")
    reader.environment()
    for key, (value, source) in (overrides or {}).items():
        before, origin = reader.top.values.get(key, ()), reader.origins.get(key)
        level = key.removeprefix(reader.levels.prefix)
        reader.put(reader.top if level == key else reader.levels, level, value, source)
        if key == "disabled" and before:
            # What somebody has switched off stays off.
            reader.top.values[key] += before
            reader.origins[key] += f" and {origin}"
    if in_ci(env) and "idle_seconds" not in reader.top.values:
        reader.put(reader.top, "idle_seconds", 0, "CI")
    return reader.settings(root)


def in_ci(env: Mapping[str, str]) -> bool:
    """Whether this is a CI system, by the variable that they all set."""
    return env.get("CI", "").lower() not in ("", "0", "false")


class _Table:
    """The values of one table so far, and the prefix of its keys in `origins`."""

    def __init__(self, model: type, prefix: str) -> None:
        self.model = model
        self.prefix = prefix
        self.values: dict[str, Any] = {}


class _Reader:
    """Collects the layers; a later one replaces an earlier one, key by key."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.top = _Table(Settings, "")
        self.levels = _Table(ServiceLevels, "levels.")
        self.services: dict[str, _Table] = {}
        self.tiers: dict[str, _Table] = {}
        self.origins: dict[str, str] = {}
        self.services_there = names("services")

    def file(self, path: Path) -> None:
        """Read `[tool.test_framework]`, where there is one."""
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise BadSetting(f"{path.name} cannot be read: {error}.") from error
        tool = data.get("tool", {})
        table = tool.get("test_framework", {}) if isinstance(tool, dict) else {}
        source = f"{path.name} [{_TABLE}]"
        if not isinstance(table, dict):
            raise BadSetting.value(_TABLE, table, path.name, "a table")
        for key, value in table.items():
            if key == "services":
                self._tables(value, source, key, self.service)
            elif key == "tiers":
                self._tables(value, source, key, self.tier)
            elif key == "levels":
                self._table(self.levels, value, key, f"{source[:-1]}.{key}]")
            else:
                self.put(self.top, key, value, source)

    def service(self, name: str) -> _Table:
        """Return the table of a service, made on first use."""
        return self.services.setdefault(name, _Table(ServiceSettings, f"services.{name}."))

    def tier(self, name: str) -> _Table:
        """Return the table of a tier, made on first use."""
        return self.tiers.setdefault(name, _Table(TierSettings, f"tiers.{name}."))

    def _tables(self, value: object, source: str, key: str, table_of: Callable[[str], _Table]) -> None:
        if not isinstance(value, dict):
            raise BadSetting.value(key, value, source, "a table of tables")
        for name, table in value.items():
            where = f"{source[:-1]}.{key}.{name}]"
            if key == "services" and name not in self.services_there:
                raise BadSetting.unknown("service", name, where, self.services_there)
            self._table(table_of(name), table, f"{key}.{name}", where)

    def _table(self, target: _Table, table: object, key: str, source: str) -> None:
        if not isinstance(table, dict):
            # A URL that stands here by mistake may hold a password.
            raise BadSetting.value(key, "***" if isinstance(table, str) else table, source, "a table")
        for inner, value in table.items():
            self.put(target, inner, value, source)

    def environment(self) -> None:
        """Read `TEST_FRAMEWORK_KEY`, `TEST_FRAMEWORK_LEVELS_KEY` and `TEST_FRAMEWORK_SERVICE_KEY`."""
        known = {PREFIX + key.upper(): (self.top, key) for key in _keys(Settings)}
        known |= {f"{PREFIX}LEVELS_{key.upper()}": (self.levels, key) for key in _keys(ServiceLevels)}
        for name in self.services_there:
            for key in _keys(ServiceSettings):
                known[f"{PREFIX}{name}_{key}".upper()] = (self.service(name), key)
        for variable in sorted(v for v in self.env if v.startswith(PREFIX)):
            if variable not in known:
                raise BadSetting.unknown("variable", variable, "the environment", known)
            if self.env[variable] != "":
                table, key = known[variable]
                self.put(table, key, self.env[variable], variable, text=True)

    def put(self, table: _Table, key: str, value: object, source: str, *, text: bool = False) -> None:
        """Check one value and keep it, with where it came from; `text` when it comes from a variable."""
        keys = _keys(table.model)
        if key not in keys:
            tables = ("levels", "services", "tiers") if table.model is Settings else ()
            raise BadSetting.unknown("key", key, source, [*keys, *tables])
        table.values[key] = self._value(keys[key], key, value, source, text=text)
        self.origins[table.prefix + key] = source

    def _value(self, spec: Field[Any], key: str, value: object, source: str, *, text: bool) -> object:
        kind = str(spec.type)
        if kind == "tuple[str, ...]":
            return self._list(spec, key, value, source, text=text)
        if parse := _KINDS.get(kind):
            return parse(key, value, source, text=text)
        shown = "***" if spec.metadata.get("secret") else value
        if not isinstance(value, str):
            raise BadSetting.value(key, shown, source, "a text")
        enum = _ENUMS.get(kind)
        if enum is None:
            return value
        if value not in list(enum):
            raise BadSetting.value(key, shown, source, f"one of {', '.join(enum)}")
        return enum(value)

    def _list(self, spec: Field[Any], key: str, value: object, source: str, *, text: bool) -> tuple[str, ...]:
        if isinstance(value, str) and (text or key == "template"):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise BadSetting.value(key, value, source, "a list of texts")
        kind = spec.metadata.get("choices", "")
        choices = _choices(kind) if kind else value
        for item in value:
            if item not in choices:
                raise BadSetting.unknown(kind.removesuffix("s"), item, f"{key}, {source}", choices)
        return tuple(value)

    def settings(self, root: Path) -> Settings:
        """Return the frozen object."""
        tiers = dict(TIERS)
        for name, table in self.tiers.items():
            tiers[name] = replace(tiers.get(name, TierSettings()), **table.values)
        services = {name: ServiceSettings(**table.values) for name, table in self.services.items()}
        tables = {"levels": ServiceLevels(**self.levels.values), "services": services, "tiers": tiers}
        values: dict[str, Any] = {**self.top.values, **tables}
        return Settings(root=root, origins=self.origins, **values)


_ENUMS: dict[str, type[StrEnum]] = {"Gate": Gate, "MajorMismatch": MajorMismatch}
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _choices(kind: str) -> tuple[str, ...]:
    """Return what a list of this kind may hold; the codes are imported only by who sets one."""
    if kind != "codes":
        return names(kind)
    from test_framework.reasons import Code

    return tuple(str(code) for code in Code)


def _keys(model: type) -> dict[str, Field[Any]]:
    return {f.name: f for f in fields(model) if f.name not in _NO_KEYS.get(model, ())}


def _boolean(key: str, value: object, source: str, *, text: bool) -> bool:
    if isinstance(value, bool):
        return value
    if text and isinstance(value, str) and value.lower() in (*_YES, *_NO):
        return value.lower() in _YES
    wanted = f"one of {', '.join((*_YES, *_NO))}" if text else "true or false"
    raise BadSetting.value(key, value, source, wanted)


def _number(key: str, value: object, source: str, *, text: bool) -> float:
    number = _parsed(float, value) if text else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < float("inf"):
        raise BadSetting.value(key, value, source, f"a number{_unit(key)}, 0 or more")
    return float(number)


def _unit(key: str) -> str:
    return " of seconds" if key.endswith(("_seconds", "_timeout")) else ""


def _count(key: str, value: object, source: str, *, text: bool) -> int:
    number = _parsed(int, value) if text else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise BadSetting.value(key, value, source, "a whole number, 1 or more")
    return number


def _parsed(kind: type[float], value: object) -> object:
    try:
        return kind(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _pairs(key: str, value: object, source: str, *, text: bool) -> dict[str, str]:
    if text and isinstance(value, str):
        value = dict(part.strip().partition("=")[::2] for part in value.split(",") if "=" in part) or value
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise BadSetting.value(key, value, source, "a table of texts" if not text else "KEY=VALUE, KEY=VALUE, …")
    return value


_KINDS: dict[str, Callable[..., Any]] = {
    "bool": _boolean,
    "float": _number,
    "int": _count,
    "Mapping[str, str]": _pairs,
}
