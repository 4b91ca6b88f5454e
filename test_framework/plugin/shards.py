"""Which part of the tests this run is: by the command line, the settings, or the variables of CI."""

from __future__ import annotations

import os
import re
from dataclasses import astuple
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.config import BadSetting
from test_framework.report.record import Shard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.config import Settings
    from test_framework.plugin.split import Splitter

OFF = "off"
_VARIABLE = "TEST_FRAMEWORK_SHARD"

_GITLAB = ("CI_NODE_INDEX", "CI_NODE_TOTAL")
_CIRCLE = ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL")
_BUILDKITE = ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT")
_KUBERNETES = "JOB_COMPLETION_INDEX"

_DIGITS = 9
"""The most that the number of a shard may have."""

_PYTEST_SPLIT = "--splits and --group"
_INPUT = "test_framework_shard"


def register(config: pytest.Config, settings: Settings, worker: Mapping[str, Any] | None) -> Splitter | None:
    """Register what runs one part of the tests, where this run is one; a worker of pytest-xdist is told which.

    Raises:
        pytest.UsageError: Nobody can tell which part it is, or it cannot be cut.
    """
    try:
        if worker:
            shard = Shard(*worker[_INPUT]) if worker[_INPUT] else None
        else:
            shard = shard_of(config, settings, os.environ)
            _hand_down(config, shard)
        if shard is None:
            return None
        from test_framework.plugin.split import Splitter

        # What its own options ask for, pytest-split leaves out itself.
        splitter = Splitter(shard, settings, cuts=shard.source != _PYTEST_SPLIT)
    except BadSetting as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(splitter, "test_framework_splitter")
    return splitter


def share_with_worker(worker: dict[str, Any], shard: Shard | None) -> None:
    """Tell a worker of pytest-xdist which part its run is."""
    worker[_INPUT] = list(astuple(shard)) if shard else []


def shard_of(config: pytest.Config, settings: Settings, env: Mapping[str, str]) -> Shard | None:
    """Return the part of the tests that this run is; None for all of them.

    pytest-split's own options decide, else `--shard`, `TEST_FRAMEWORK_SHARD` and the file, else the variables of CI:
    these only for a tier, whose report a merge can judge, so that no other run leaves out tests that nobody misses.

    Raises:
        BadSetting: What says so cannot be.
        pytest.UsageError: There are two who say so, or pytest-split is missing.
    """
    index, count = getattr(config.option, "group", None), getattr(config.option, "splits", None)
    if isinstance(index, int) and isinstance(count, int):
        if config.option.shard:
            raise pytest.UsageError(f"--shard={config.option.shard} and --splits={count} say both which tests to run.")
        return Shard(index, count, _PYTEST_SPLIT)
    if settings.shard == OFF:
        return None
    if settings.shard:
        shard: Shard | None = parsed(settings.shard, settings.origin("shard"))
    else:
        shard = _of_ci(env, settings) if config.option.tier else None
    if shard and not find_spec("pytest_split"):
        raise pytest.UsageError(
            f"shard {shard} ({shard.source}) is cut by pytest-split, which is not installed:"
            ' python -m pip install "pytest-tiers[shard]", or --shard=off for all tests.'
        )
    return shard


def _hand_down(config: pytest.Config, shard: Shard | None) -> None:
    """Let every pytest that the tests start run whole, until this run ends: the part is that of this run alone."""
    before = os.environ.get(_VARIABLE)
    if shard or before or any(name in os.environ for name in (_GITLAB[0], _CIRCLE[0], _BUILDKITE[0], _KUBERNETES)):
        os.environ[_VARIABLE] = OFF
        config.add_cleanup(lambda: _set(before))


def _set(value: str | None) -> None:
    if value is None:
        os.environ.pop(_VARIABLE, None)
    else:
        os.environ[_VARIABLE] = value


def parsed(text: str, source: str) -> Shard:
    """Read `I/N`.

    Raises:
        BadSetting: There is no such part.
    """
    found = re.fullmatch(rf"\s*(\d{{1,{_DIGITS}}})\s*/\s*(\d{{1,{_DIGITS}}})\s*", text, re.ASCII)
    index, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= index <= count:
        wanted = f"one of 1/{count} to {count}/{count}" if count else "a shard, such as 3/8"
        raise BadSetting.value("shard", text, source, f"{wanted}, or off")
    return Shard(index, count, source)


def _of_ci(env: Mapping[str, str], settings: Settings) -> Shard | None:
    """Return what CI says where it splits one job into several; GitHub says nothing, its matrix sets our variable."""
    index, count = (env.get(name, "") for name in _GITLAB)
    # `parallel: matrix` sets the same two: there each job has other variables, and runs all tests. Its job is
    # named `test: [3.11, redis]`, and that of `parallel: 8` is `test 3/8`.
    if env.get("GITLAB_CI") and index and env.get("CI_JOB_NAME", "").endswith(f" {index}/{count}"):
        return _numbered(_GITLAB, index, count, first=1)
    for present, names in (("CIRCLECI", _CIRCLE), ("BUILDKITE", _BUILDKITE)):
        index, count = (env.get(name, "") for name in names)
        # Where one job is one run, the count is 1 or not set.
        if env.get(present) and index and count not in {"", "1"}:
            return _numbered(names, index, count, first=0)
    index = env.get(_KUBERNETES, "")
    if index and settings.shards:
        # The index is in every pod of an indexed Job, the number of its completions in none.
        return _numbered((_KUBERNETES, settings.origin("shards")), index, str(settings.shards), first=0)
    return None


def _numbered(names: tuple[str, str], index: str, count: str, *, first: int) -> Shard:
    """Return the part that two variables name; the index of the first one is `first`."""
    numbers = index.isdecimal() and count.isdecimal() and max(len(index), len(count)) <= _DIGITS
    if not (numbers and first <= int(index) < int(count) + first):
        wanted = f"a number from {first} to what {names[1]} = {count} allows"
        raise BadSetting.value(names[0], index, "the environment", wanted)
    return Shard(int(index) - first + 1, int(count), " and ".join(names))
