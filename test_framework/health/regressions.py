"""Drift: how far the suite has moved from its baseline, and whether that is further than the settings allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from test_framework.config import BadSetting
from test_framework.report.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.config import HealthSettings, Settings
    from test_framework.health.reports import TierFigures
    from test_framework.health.snapshot import SuiteSnapshot

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared.

    Attributes:
        name: What: files, discovery-time, broken-imports, unparseable, success-rate, findings, skips, failures,
            timeouts, duration, report.
        subject: Of which folder, rule or tier; empty for the whole suite.
        ok: Whether it is within what the settings allow.
        before: The number in the baseline; None where there was none.
        now: The number now; None where it is not known.
        message: Both in one line, with what is allowed.
        items: The files that are meant.
    """

    name: str
    subject: str
    ok: bool
    before: float | None
    now: float | None
    message: str
    items: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "check": self.name,
            "subject": self.subject,
            "ok": self.ok,
            "before": self.before,
            "now": self.now,
            "message": self.message,
            "items": list(self.items),
        }


def slower_than(before: SuiteSnapshot, limits: HealthSettings, seconds: float) -> bool:
    """Whether an audit of so many seconds is too slow beside the baseline."""
    known = before.discovery_seconds
    return seconds > max(known * limits.discovery_factor, known + limits.discovery_noise_seconds) + _ROUNDING


def compare(before: SuiteSnapshot, now: SuiteSnapshot, settings: Settings, *, strict: bool) -> tuple[Check, ...]:
    """Compare the suite with its baseline.

    Args:
        before: The baseline.
        now: The suite as it is.
        settings: Hold what is allowed.
        strict: Whether a tier of the baseline that has no report now is not ok.

    Raises:
        BadSetting: A factor is below 1, so that a suite that has not changed would have drifted.
    """
    limits = settings.health
    for key in ("files_factor", "discovery_factor", "duration_factor"):
        if getattr(limits, key) < 1:
            raise BadSetting.value(key, getattr(limits, key), settings.origin(f"health.{key}"), "a number, 1 or more")
    return (
        _files(before, now, limits),
        _discovery(before, now, limits),
        _new("broken-imports", "can no longer be imported", before.broken, now, limits.max_new_broken),
        _new("unparseable", "can no longer be parsed", before.unparseable, now, limits.max_new_unparseable),
        *_directories(before, now, limits.success_drop),
        *_findings(before, now, limits.max_new_findings),
        *_tiers(before, now, limits, strict=strict),
    )


def _files(before: SuiteSnapshot, now: SuiteSnapshot, limits: HealthSettings) -> Check:
    factor = limits.files_factor
    # From nothing to something is no growth by a factor.
    ok = not before.files or before.files / factor <= now.files <= before.files * factor
    message = f"{plural(now.files, 'test file')}, {before.files} before; allowed: a factor of {factor:g} up or down"
    return Check("files", "", ok, before.files, now.files, message)


def _discovery(before: SuiteSnapshot, now: SuiteSnapshot, limits: HealthSettings) -> Check:
    message = (
        f"the audit took {now.discovery_seconds:g} s, {before.discovery_seconds:g} s before;"
        f" allowed: a factor of {limits.discovery_factor:g}, or {limits.discovery_noise_seconds:g} s more"
    )
    ok = not slower_than(before, limits, now.discovery_seconds)
    return Check("discovery-time", "", ok, before.discovery_seconds, now.discovery_seconds, message)


def _new(name: str, what: str, known: Iterable[str], now: SuiteSnapshot, allowed: int) -> Check:
    known = set(known)
    if name == "broken-imports":
        all_of_them = len(now.broken)
        new = [f"{path}: {cause}" for path, cause in sorted(now.broken.items()) if path not in known]
    else:
        all_of_them = len(now.unparseable)
        new = [path for path in sorted(now.unparseable) if path not in known]
    message = f"{plural(len(new), 'file')} {what}; {allowed} allowed"
    return Check(name, "", len(new) <= allowed, len(known), all_of_them, message, tuple(new))


def _directories(before: SuiteSnapshot, now: SuiteSnapshot, drop: float) -> Iterator[Check]:
    """Yield the folders whose rate is another; of a new folder, everything is expected to be imported."""
    for path, (files, broken) in sorted(now.directories.items()):
        rate = 1 - broken / files
        old_files, old_broken = before.directories.get(path, (0, 0))
        known = 1 - old_broken / old_files if old_files else 1.0
        if abs(rate - known) > _ROUNDING:
            message = f"{rate:.1%} can be imported, {known:.1%} before; allowed: a fall by {drop:.1%}"
            ok = rate >= known - drop - _ROUNDING
            yield Check("success-rate", path, ok, round(known, 4), round(rate, 4), message)


def _findings(before: SuiteSnapshot, now: SuiteSnapshot, allowed: int) -> Iterator[Check]:
    for rule in sorted({*before.findings, *now.findings}):
        known, found = before.findings.get(rule, 0), now.findings.get(rule, 0)
        message = f"{plural(found, 'finding')}, {known} before; {allowed} more allowed"
        yield Check("findings", rule, found <= known + allowed, known, found, message)


def _tiers(before: SuiteSnapshot, now: SuiteSnapshot, limits: HealthSettings, *, strict: bool) -> Iterator[Check]:
    for tier in sorted({*before.tiers, *now.tiers}):
        known, found = before.tiers.get(tier), now.tiers.get(tier)
        if found is None:
            message = "no report of a whole run, but the baseline has one"
            yield Check("report", tier, ok=not strict, before=known.tests if known else None, now=None, message=message)
        elif known is None:
            message = "not compared, because the baseline has no report of it"
            yield Check("report", tier, ok=True, before=None, now=found.tests, message=message)
        else:
            yield _share("skips", tier, (known, known.skipped), (found, found.skipped), limits.skip_rise)
            yield _share("failures", tier, (known, known.failed), (found, found.failed), limits.failure_rise)
            if known.timeouts is not None and found.timeouts is not None:
                both = (known, known.timeouts), (found, found.timeouts)
                yield _share("timeouts", tier, *both, limits.timeout_rise)
            yield _duration(tier, known, found, limits)


def _share(name: str, tier: str, before: tuple[TierFigures, int], now: tuple[TierFigures, int], rise: float) -> Check:
    known, found = before[0].share(before[1]), now[0].share(now[1])
    message = (
        f"{now[1]} of {plural(now[0].tests, 'test')} ({found:.1%}), {before[1]} of {before[0].tests} before"
        f" ({known:.1%}); allowed: a rise by {rise:.1%}"
    )
    return Check(name, tier, found <= known + rise + _ROUNDING, round(known, 4), round(found, 4), message)


def _duration(tier: str, before: TierFigures, now: TierFigures, limits: HealthSettings) -> Check:
    known, found = before.average_seconds, now.average_seconds
    ok = found <= max(known * limits.duration_factor, known + limits.duration_noise_seconds) + _ROUNDING
    message = (
        f"{found:g} s per test, {known:g} s before; allowed: a factor of {limits.duration_factor:g},"
        f" or {limits.duration_noise_seconds:g} s more"
    )
    return Check("duration", tier, ok, known, found, message)
