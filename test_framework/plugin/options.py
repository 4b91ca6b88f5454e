"""The command line of pytest, and what it says over the settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from test_framework.config import BadSetting, Settings, find_root, load, refuse_empty, refuse_missing_files
from test_framework.config.tiers import lack

if TYPE_CHECKING:
    import argparse

Overrides = dict[str, tuple[object, str]]


def add(parser: pytest.Parser) -> None:
    """Register the options."""
    group = parser.getgroup("test framework", "services for tests, and reasons for skips")
    option = group.addoption
    option("--tier", metavar="NAME", help="run the tests of a tier, write its reports, and apply its gate")
    option(
        "--pattern", metavar="PATTERN", help="only test files whose path contains or matches this, such as 'test_api*'"
    )
    option(
        "--environment",
        choices=("local", "staging"),
        help="local: never use staging; staging: use only staging",
    )
    option("--providers", metavar="A,B", help="providers to try, in order: explicit, docker, embedded, staging")
    option("--no-docker", action="store_true", help="do not use Docker")
    option(
        "--require",
        metavar="A,B",
        help="providers that are good enough; the run fails on any other, and on skips that are not allowed",
    )
    option(
        "--use-real-services",
        action="store_true",
        help="fail tests whose service is unavailable instead of skipping them",
    )
    option("--shard", metavar="I/N", help="run one shard of the tests, such as 3/8; off: ignore the shard that CI sets")
    option("--concurrent-users", metavar="N", help="number of concurrent users in load tests")
    option("--collection-timeout", metavar="SECONDS", help="stop the run if collection takes longer")


_VALUES = ("tier", "pattern", "providers", "shard", "collection_timeout", "concurrent_users")
_RUN_NOTHING = {
    "collectonly": "--collect-only",
    "setupplan": "--setup-plan",
    "setuponly": "--setup-only",
    "showfixtures": "--fixtures",
    "show_fixtures_per_test": "--fixtures-per-test",
    "cacheshow": "--cache-show",
    "markers": "--markers",
    "version": "--version",
    "help": "--help",
}
"""What pytest does instead of running tests: where the option is kept, and what it is called."""


def runs_nothing(config: pytest.Config) -> str:
    """Return the option by which pytest is asked for something else than to run tests; empty if there is none."""
    return _nothing(config.option)


def asks_by_words(config: pytest.Config) -> bool:
    """Whether the command line itself asks for that, and no variable or file."""
    words = [str(word) for word in config.invocation_params.args]
    return bool(runs_nothing(config) and _nothing(config._parser.parse_known_args(words)))  # noqa: SLF001  # no other way


def _nothing(option: argparse.Namespace) -> str:
    return next((told for name, told in _RUN_NOTHING.items() if getattr(option, name, None)), "")


def overrides_of(config: pytest.Config) -> Overrides:
    """Return what the command line sets, with the option that said so."""
    option = config.option
    found: Overrides = {}
    if option.environment == "staging" and (option.providers or "staging") != "staging":
        raise pytest.UsageError(
            f"--environment=staging uses nothing else, and --providers={option.providers} asks for it."
        )
    if option.environment == "staging":
        found["providers"] = (["staging"], "--environment=staging")
    elif option.environment == "local":
        found["disabled"] = (["staging"], "--environment=local")
    if option.providers:
        found["providers"] = (_split(option.providers), "--providers")
    if option.no_docker:
        local = option.environment == "local"
        found["disabled"] = (
            ["docker", *(["staging"] if local else [])],
            "--environment=local and --no-docker" if local else "--no-docker",
        )
    if option.shard:
        found["shard"] = (option.shard, "--shard")
    if option.collection_timeout:
        found["collection_timeout"] = (option.collection_timeout, "--collection-timeout")
    if option.concurrent_users:
        found["levels.concurrent_users"] = (option.concurrent_users, "--concurrent-users")
    return found


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def settings_of(config: pytest.Config, overrides: Overrides) -> Settings:
    """Read the settings and check what the command line names.

    Raises:
        pytest.UsageError: A setting, the tier or a required provider is not known.
    """
    try:
        refuse_empty(config.option, _VALUES)
        settings = load(find_root(config.rootpath), os.environ, overrides)
        if config.option.tier:
            _check_paths(settings, config.option.tier)
        if config.option.require is not None:
            require_of(config, settings)
        refuse_missing_files(settings)
    except BadSetting as error:
        raise pytest.UsageError(str(error)) from error
    return settings


def require_of(config: pytest.Config, settings: Settings) -> tuple[str, ...]:
    """Return the providers that are good enough for this run; empty for any."""
    if config.option.require is None:
        return settings.tier(config.option.tier).require if config.option.tier else ()
    names = tuple(_split(config.option.require))
    known = load(settings.root, {}, {}).providers
    for name in names or ("",):
        if name not in known:
            raise BadSetting.unknown("provider", name, "--require", known)
    return names


def _check_paths(settings: Settings, name: str) -> None:
    if name not in settings.tiers:
        raise BadSetting.unknown("tier", name, "--tier", settings.tiers)
    if why := lack(settings, name):
        raise BadSetting(f"tier {name!r} has no tests: {why}.")
