"""Reads the settings from the file, the environment and the command line, and refuses what it does not know."""

from __future__ import annotations

import os
import tomllib
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from test_framework import inputs
from test_framework.config.ci import ci_variable
from test_framework.config.custom import CustomServiceSettings, check_needs
from test_framework.config.custom import check as check_custom
from test_framework.config.e2e import check as check_e2e
from test_framework.config.model import BadSetting, LayerSettings, ModeSettings, ServiceSettings, Settings, TierSettings
from test_framework.config.modes import LAYERS, MODES
from test_framework.config.modes import check as check_modes
from test_framework.config.removed import refuse_removed
from test_framework.config.server_options import checked as checked_options
from test_framework.config.tiers import TIERS, is_name
from test_framework.config.values import SINGLE, keys, names, parsed
from test_framework.inherited import matching
from test_framework.redaction import KNOWN, SECRET_NAME
from test_framework.version import PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

PREFIX = "TEST_FRAMEWORK_"
_TABLE = "tool.test_framework"
_NEARLY_OURS = {"test-framework", "testframework", "pytest-tiers", "pytest_tiers"}
"""Other spellings of our table, and the name of our distribution: nobody reads a table of these names."""
_NAMED: dict[str, tuple[type[Any], Mapping[str, Any]]] = {
    "tiers": (TierSettings, TIERS),
    "layers": (LayerSettings, LAYERS),
    "modes": (ModeSettings, MODES),
}
"""The tables of which a project may have any number under names of its own, and those that are there without it."""


def find_root(start: Path) -> Path:
    """Return the nearest folder, from `start` upwards, whose `pyproject.toml` has our table, else one with any.

    Raises:
        BadSetting: One on the way cannot be read, or the working directory is gone.
    """
    try:
        start = start.resolve()
    except FileNotFoundError as error:
        raise BadSetting(
            "the project's folder cannot be found because the working directory no longer exists."
        ) from error
    first = None
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
        except OSError as error:
            raise BadSetting(f"{path} cannot be read: {error.strerror}.") from error
        if text is not None and f"[{_TABLE}" in text:
            return folder
        if text is not None:
            first = first or folder
    return first or start


def load(
    root: Path,
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, tuple[object, str]] | None = None,
) -> Settings:
    """Read every layer and return the settings; the secrets in them are known from then on, and never shown.

    Args:
        root: The project's root, where `pyproject.toml` may be.
        env: The environment; `os.environ` when None.
        overrides: What the command line says: dotted key to value and the option's name; a text is read as one of a
            variable is.

    Raises:
        BadSetting: A key or a value is not known; the message names it, its source and the choices.
    """
    env = os.environ if env is None else env
    # What is wrong with a setting is told before the settings are there.
    KNOWN.configure_environment(env)
    reader = _SettingsReader(env)
    reader.file(root / "pyproject.toml")
    reader.environment()
    for key, (value, source) in (overrides or {}).items():
        before, origin = reader.top.values.get(key, ()), reader.origins.get(key)
        table, _, inner = key.rpartition(".")
        where = reader.singles[table] if table else reader.top
        reader.put(where, inner, value, source, text=isinstance(value, str))
        if key == "disabled" and before:
            # What somebody has switched off stays off.
            reader.top.values[key] += before
            reader.origins[key] += f" and {origin}"
    if (variable := ci_variable(env)) and "idle_seconds" not in reader.top.values:
        reader.put(reader.top, "idle_seconds", 0, variable)
    settings = reader.settings(root)
    _know_secrets(settings, env)
    return settings


def _know_secrets(settings: Settings, env: Mapping[str, str]) -> None:
    """Let nothing that is printed show the passwords of the services' tables."""
    for table in settings.services.values():
        KNOWN.configure_environment(env, [*table.url_env, *_handed_over(table, env)])
        for spec in fields(table):
            if not spec.metadata.get("secret"):
                continue
            value = getattr(table, spec.name)
            for name, text in value.items() if isinstance(value, dict) else [("", value)]:
                KNOWN.configure_text(text)
                # As in the environment of a container; a text with a field is no secret yet.
                if "{" not in text and SECRET_NAME.fullmatch(name):
                    KNOWN.configure(text)


def _handed_over(table: ServiceSettings, env: Mapping[str, str]) -> Iterable[str]:
    """Return the variables that a service of the project's own gets of ours."""
    if not isinstance(table, CustomServiceSettings):
        return ()
    return matching(env, (*table.inherit, *table.container_inherit))


def _may_lack_a_table(variable: str) -> str:
    """Return what a variable needs that may be one of a service of the project's own; empty for any other."""
    told = variable.removeprefix(PREFIX).lower()
    name = max(
        (told.removesuffix(f"_{key}") for key in keys(CustomServiceSettings)), key=lambda n: (n != told, -len(n))
    )
    return f" A service {name} of your own needs [{_TABLE}.services.{name}] in pyproject.toml." if name != told else ""


def _our_table(tool: object, file: str) -> dict[str, Any]:
    """Return what a file says in our table; empty where it has none."""
    if not isinstance(tool, dict):
        return {}
    for name in tool.keys() & _NEARLY_OURS:
        raise BadSetting(f"unknown table [tool.{name}] in {file}. Did you mean [{_TABLE}]?")
    table = tool.get("test_framework", {})
    if not isinstance(table, dict):
        raise BadSetting.value(_TABLE, table, file, "a table")
    return table


def _check_version(name: str, version: str, source: str) -> None:
    """Refuse a version that no server can be of."""
    found = PATTERN.fullmatch(version)
    if version and (found is None or (found[1] and name != "redis")):
        wanted = "a version, such as 8, 8.2 or valkey 9" if name == "redis" else "a version, such as 17 or 17.11"
        raise BadSetting.value("version", version, source, wanted)


def _whose(key: str) -> str:
    """Return whose key it is that a service does not have; empty where it is nobody's."""
    owners = next((f.metadata["of"] for f in fields(ServiceSettings) if f.name == key and "of" in f.metadata), ())
    return f" It is a key of {' and '.join(owners)}." if owners else ""


class _Table:
    """The values of one table so far, and the prefix of its keys in `origins`."""

    def __init__(self, model: type, prefix: str, service: str = "") -> None:
        self.model = model
        self.prefix = prefix
        self.keys = keys(model, service)
        self.values: dict[str, Any] = {}

    @property
    def of_a_service(self) -> bool:
        """Whether it is the table of a service."""
        return issubclass(self.model, ServiceSettings)


class _SettingsReader:
    """Collects the layers; a later one replaces an earlier one, key by key."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.top = _Table(Settings, "")
        self.singles = {name: _Table(model, f"{name}.") for name, model in SINGLE.items()}
        self.services: dict[str, _Table] = {}
        self.named: dict[str, dict[str, _Table]] = {key: {} for key in _NAMED}
        self.origins: dict[str, str] = {}
        self.built_in = names("services")
        self.custom: dict[str, str] = {}
        """The services of the project's own, each with where its table is."""

    def file(self, path: Path) -> None:
        """Read `[tool.test_framework]`, where there is one."""
        try:
            data = tomllib.loads(inputs.read_text(path))
        except FileNotFoundError:
            return
        except (ValueError, RecursionError, OSError) as error:
            raise BadSetting(f"{path.name} cannot be read: {error}.") from error
        table = _our_table(data.get("tool"), path.name)
        source = f"{path.name} [{_TABLE}]"
        services = table.get("services")
        for name in services if isinstance(services, dict) else ():
            if name not in self.built_in:
                # Other tables may name it, wherever they stand.
                self.custom[name] = f"{source[:-1]}.services.{name}]"
        for key, value in table.items():
            if key == "services":
                self._tables(value, source, key, self.service)
            elif key in _NAMED:
                self._tables(value, source, key, partial(self.table, key))
            elif key in self.singles:
                self._table(self.singles[key], value, key, f"{source[:-1]}.{key}]")
            else:
                self.put(self.top, key, value, source)

    def service(self, name: str) -> _Table:
        """Return the table of a service, made on first use."""
        if name not in self.services:
            known = (CustomServiceSettings, "") if name in self.custom else (ServiceSettings, name)
            self.services[name] = _Table(known[0], f"services.{name}.", known[1])
        return self.services[name]

    def table(self, key: str, name: str) -> _Table:
        """Return the table of a tier, a layer or a mode, made on first use."""
        return self.named[key].setdefault(name, _Table(_NAMED[key][0], f"{key}.{name}."))

    def _tables(self, value: object, source: str, key: str, table_of: Callable[[str], _Table]) -> None:
        if not isinstance(value, dict):
            raise BadSetting.value(key, value, source, "a table of tables")
        for name, table in value.items():
            if key in _NAMED and not is_name(name):
                where = f"{source[:-1]}.{key}]"
                raise BadSetting.value(
                    "the name of a table", name, where, "letters, digits, _, - and ., at most 100 of them"
                )
            where = f"{source[:-1]}.{key}.{name}]"
            self._table(table_of(name), table, f"{key}.{name}", where)

    def _table(self, target: _Table, table: object, key: str, source: str) -> None:
        if not isinstance(table, dict):
            # A URL that stands here by mistake may hold a password.
            raise BadSetting.value(key, "***" if isinstance(table, str) else table, source, "a table")
        for inner, value in table.items():
            self.put(target, inner, value, source)

    def environment(self) -> None:
        """Read `TEST_FRAMEWORK_KEY`, `TEST_FRAMEWORK_TABLE_KEY` and `TEST_FRAMEWORK_SERVICE_KEY`."""
        known = {PREFIX + key.upper(): (self.top, key) for key in self.top.keys}
        for name, table in self.singles.items():
            known |= {f"{PREFIX}{name}_{key}".upper(): (table, key) for key in table.keys}
        for name in (*self.built_in, *self.custom):
            for key in self.service(name).keys:
                variable = f"{PREFIX}{name}_{key}".upper()
                if variable in known:
                    wanted = f"a name that is free: the variable {variable} already means something else"
                    raise BadSetting.value("service", name, self.custom[name], wanted)
                known[variable] = (self.service(name), key)
        for variable in sorted(v for v in self.env if v.startswith(PREFIX)):
            refuse_removed(variable.removeprefix(PREFIX).lower().replace("_", ".", 1), variable, "the environment")
            if variable not in known:
                raise BadSetting.unknown("variable", variable, "the environment", known, _may_lack_a_table(variable))
            if self.env[variable] != "":
                table, key = known[variable]
                self.put(table, key, self.env[variable], variable, text=True)

    def put(self, table: _Table, key: str, value: object, source: str, *, text: bool = False) -> None:
        """Check one value and keep it, with where it came from; `text` when it comes from a variable."""
        known = table.keys
        if key not in known:
            refuse_removed(table.prefix + key, key, source)
            tables = (*SINGLE, "services", *_NAMED) if table.model is Settings else ()
            raise BadSetting.unknown("key", key, source, [*known, *tables], _whose(key) if table.of_a_service else "")
        found = parsed(known[key], key, value, source, text=text, services=tuple(self.custom))
        table.values[known[key].name] = found
        self.origins[table.prefix + key] = source

    def settings(self, root: Path) -> Settings:
        """Return the frozen object."""
        named = {}
        for key, (model, there) in _NAMED.items():
            changed = {n: replace(there.get(n) or model(), **t.values) for n, t in self.named[key].items()}
            named[key] = {**there, **changed}
        for name, table in self.services.items():
            if options := table.values.get("options"):
                source = self.origins[f"services.{name}.options"]
                table.values["options"] = checked_options(name, options, source)
        services = {name: table.model(**table.values) for name, table in self.services.items()}
        for name, source in self.custom.items():
            services[name] = replace(services[name], root=root)
            check_custom(name, services[name], source, self.built_in)
        for name, service in services.items():
            _check_version(name, service.version, self.origins.get(f"services.{name}.version", ""))
        check_needs(services, self.custom)
        singles = {name: table.model(**table.values) for name, table in self.singles.items()}
        values: dict[str, Any] = {**self.top.values, **singles, **named, "services": services}
        settings = Settings(root=root, origins=self.origins, **values)
        check_modes(settings)
        check_e2e(settings)
        return settings
