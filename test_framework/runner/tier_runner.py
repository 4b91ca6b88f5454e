"""Runs the tiers of a plan, each as one run of pytest in a process of its own, and keeps what became of each."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from test_framework import private
from test_framework.config import BadSetting
from test_framework.exec.child import SIGNALLED, Ended, run_within
from test_framework.report.stored import load
from test_framework.report.wording import duration
from test_framework.runner import COLLECTED_TO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from test_framework.config import Settings
    from test_framework.report.stored import Report
    from test_framework.runner.coverage import Coverage, Total
    from test_framework.runner.plan import Layer, RunPlan

NOTHING_RAN, LATE = 5, 124
"""Exit statuses: what pytest says of no tests, and `timeout` of a command that it has ended."""

_ENDS_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asks for beside the plan.

    Attributes:
        options: For the pytest of every tier.
        named: The files and folders to which a tier is confined, by its name.
        fast_fail: Whether the first failure ends everything.
        collect_only: Whether tests are only collected.
        selecting: Whether the options select some of the tests, so that a tier may be left with none.
        whole: Whether all tiers run, each as a whole, so that a total over them is one.
    """

    options: tuple[str, ...] = ()
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fast_fail: bool = False
    collect_only: bool = False
    selecting: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True)
class CollectedCounts:
    """What `--collect-only` has found in a tier."""

    tests: int
    files: int
    errors: int


@dataclass(slots=True)
class TierRun:
    """One tier: what became of it.

    Attributes:
        layer: That it is part of; empty without an execution mode.
        status: The exit status; None when it was not run.
        why: What a person has to know beside the report: why it was not run, or why it is red all the same.
        report: What its pytest has written.
        collected: In place of a report, where tests are only collected.
    """

    layer: str
    tier: str
    status: int | None = None
    why: str = ""
    seconds: float = 0.0
    report: Report | None = None
    collected: CollectedCounts | None = None

    @property
    def red(self) -> bool:
        """Whether it must not be taken for a success."""
        return bool(self.status)

    @property
    def ran(self) -> int:
        """How many of its tests ran."""
        if self.collected:
            return self.collected.tests
        return self.report.record.ran if self.report else 0

    @property
    def whole(self) -> bool:
        """Whether it came to its end, and was no shard."""
        return bool(self.report and not self.report.record.interrupted and not self.report.record.shard)

    @property
    def none_is_fine(self) -> bool:
        """Whether it is a shard that had nothing to run: there are more shards than tests."""
        return bool(self.report and self.report.record.is_part and not self.ran)


@dataclass(slots=True)
class RunResult:
    """All tiers of a plan, in their order."""

    tiers: list[TierRun] = field(default_factory=list)
    signal: int = 0
    coverage: Total | None = None

    @property
    def status(self) -> int:
        """The exit status: of the signal that ended it, else the worst of the tiers; 5 where no test ran.

        A higher one is worse: 1 to 4 are pytest's own, 124 and those above 128 say what has ended it.
        """
        if self.signal:
            return SIGNALLED + self.signal
        # 5 says that there was no test in a tier, which is the least that can be wrong with it.
        worst = max((tier.status for tier in self.tiers if tier.status and tier.status != NOTHING_RAN), default=0)
        if worst or not any(tier.ran or tier.none_is_fine for tier in self.tiers):
            return worst or NOTHING_RAN
        return int(any(tier.red for tier in self.tiers) or bool(self.coverage and self.coverage.red))


def run(
    plan: RunPlan, request: RunOptions, settings: Settings, coverage: Coverage | None, say: Callable[[str], None]
) -> RunResult:
    """Run the tiers one after another, until a layer fails, its time is up, or somebody ends it.

    Args:
        plan: What to run.
        request: How.
        settings: Of the project.
        coverage: Measures; None when nothing does.
        say: Called with a line before each tier.

    Raises:
        BadSetting: The report folder cannot be written.
    """
    tiers = [tier for layer in plan.layers for tier in layer.tiers]
    running = TierRunner(request, settings, coverage, say, len(tiers))
    with chdir(settings.root):
        if not request.collect_only:
            _forget(tiers, settings, coverage)
        result = running.layers(plan)
        if coverage:
            ran = [one.tier for one in result.tiers if one.status is not None]
            whole = request.whole and all(one.whole for one in result.tiers)
            result.coverage = coverage.total(ran, whole=whole)
    return result


def _forget(tiers: Iterable[str], settings: Settings, coverage: Coverage | None) -> None:
    """Remove earlier reports: what a run does not come to must not be there with the verdict of the one before it."""
    folder = settings.reports_folder
    try:
        for tier in tiers:
            for ending in ("json", "xml"):
                (folder / f"{tier}.{ending}").unlink(missing_ok=True)
        if coverage:
            coverage.start(tiers)
    except OSError as error:
        origin = settings.origin("reports")
        raise BadSetting(f"the report folder {folder} ({origin}) cannot be written: {error.strerror}.") from error


def _name(number: int) -> str:
    """Return what a signal is called; most of those for real time have no name of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class TierRunner:
    """Runs one tier after another."""

    def __init__(
        self, request: RunOptions, settings: Settings, coverage: Coverage | None, say: Callable[[str], None], many: int
    ) -> None:
        self._request = request
        self._settings = settings
        self._coverage = coverage
        self._say = say
        self._many = many
        self._result = RunResult()

    def layers(self, plan: RunPlan) -> RunResult:
        """Run them until one fails."""
        stop = ""
        for layer in plan.layers:
            end = time.monotonic() + layer.budget_seconds if layer.budget_seconds else None
            done = len(self._result.tiers)
            for tier in layer.tiers:
                if stop:
                    self._result.tiers.append(TierRun(layer.name, tier, why=stop))
                else:
                    stop = self._tier(layer, tier, None if end is None else max(0.0, end - time.monotonic()))
            red = any(one.red for one in self._result.tiers[done:])
            if red and layer.name and not stop and not self._request.collect_only:
                stop = f"layer {layer.name} failed"
        return self._result

    def _tier(self, layer: Layer, tier: str, seconds: float | None) -> str:
        """Run a tier; return why nothing is to be run after it, an empty text to go on."""
        within = None if self._request.collect_only else seconds
        told = f", layer {layer.name}" if layer.name else ""
        told += f", {duration(within)} left" if within is not None else ""
        self._say(f"\nrun: {tier} ({len(self._result.tiers) + 1} of {self._many}{told})")
        one, ended = self._run(layer, tier, within)
        self._result.tiers.append(one)
        if by := next((number for number in ended.signals if number in _ENDS_US), 0):
            self._result.signal = by
            return f"ended by {signal.Signals(by).name}"
        if ended.late:
            return f"the time of layer {layer.name} was up"
        return f"--fast-fail: {tier} is red" if self._request.fast_fail and one.red else ""

    def _run(self, layer: Layer, tier: str, seconds: float | None) -> tuple[TierRun, Ended]:
        begin = time.monotonic()
        with TemporaryDirectory(prefix=private.marked("run")) as folder:
            numbers = Path(folder) / "collected.json"
            ended = self._pytest(tier, seconds, numbers)
            collected = (
                CollectedCounts(**json.loads(numbers.read_text(encoding="utf-8"))) if numbers.is_file() else None
            )
        one = TierRun(layer.name, tier, ended.status, seconds=time.monotonic() - begin, collected=collected)
        if ended.late:
            one.status = LATE
            one.why = f"layer {layer.name} took longer than its {duration(layer.budget_seconds or 0)} ({layer.source})"
        elif ended.killed:
            one.why = f"pytest was killed by {_name(ended.killed)}"
        if not self._request.collect_only:
            self._judge(one)
        elif collected is None:
            one.status = one.status or 1
            one.why = one.why or f"pytest ended with status {ended.status}, and collected nothing"
        elif self._is_left_empty(one):
            one.status = 0
        return one, ended

    def _pytest(self, tier: str, seconds: float | None, numbers: Path) -> Ended:
        # By the names of their entry points, so that they are loaded once, also where autoload is off.
        # -P: as with the program `pytest`, the folder that it runs in is not one to import from.
        command = [sys.executable, "-P", "-m", "pytest", "-p", "test_framework", *self._request.options, "--tier", tier]
        command += self._request.named.get(tier, ())
        env: Mapping[str, str] = os.environ
        if self._request.collect_only:
            command += [
                "--collect-only",
                "-qq",
                "-p",
                "test_framework.runner.collected",
                f"{COLLECTED_TO}={numbers}",
            ]
        elif self._coverage:
            command += self._coverage.options()
            env = {**env, **self._coverage.env(tier)}
        return run_within(sys.executable, command, env, seconds)

    def _judge(self, one: TierRun) -> None:
        """Take what pytest has written: a run without a report is red, whatever its exit status."""
        path = self._settings.reports_folder / f"{one.tier}.json"
        try:
            one.report = load(path)
        except FileNotFoundError:
            told = f"pytest ended with status {one.status}, and without a report"
            one.why = f"{one.why}; no report" if one.why else told
        except (ValueError, OSError) as error:
            one.why = f"{one.why}; {error}" if one.why else str(error)
        if one.report and not one.report.red_gate and self._is_left_empty(one):
            one.status, one.why = 0, "none of its tests is selected"
        elif one.report is None or one.report.red:
            one.status = one.status or 1
        elif one.red and not one.why:
            one.why = f"pytest ended with status {one.status}"

    def _is_left_empty(self, one: TierRun) -> bool:
        """Whether pytest has found no test where the options leave some out: those of other tiers may be meant."""
        return self._request.selecting and one.status == NOTHING_RAN
