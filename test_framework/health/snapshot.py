"""What is measured of a suite: plain data, which is also what a baseline and a line of the history hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from test_framework.audit import AuditOptions, audit
from test_framework.health.errors import HealthError
from test_framework.health.reports import TierFigures, read_reports
from test_framework.report.parsing import count, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from test_framework.audit import Audit
    from test_framework.config import Settings


@dataclass(frozen=True, slots=True)
class SuiteSnapshot:
    """The suite at one moment; paths are relative to the project's root, with slashes.

    Attributes:
        files: How many test files there are.
        discovery_seconds: How long the audit took with its cache.
        directories: Of each folder, how many test files it has and how many of them cannot be imported.
        broken: The test files that cannot be imported, with the first cause of each.
        unparseable: The files, tests or not, that no parser understands.
        findings: How many findings there are in tests, by rule.
        tiers: What the last reports say.
    """

    files: int
    discovery_seconds: float = 0.0
    directories: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    unparseable: tuple[str, ...] = ()
    findings: Mapping[str, int] = field(default_factory=dict)
    tiers: Mapping[str, TierFigures] = field(default_factory=dict)

    @property
    def success_rate(self) -> float:
        """Share of the test files that can be imported, from 0 to 1."""
        return 1 - len(self.broken) / self.files if self.files else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written, sorted."""
        return {
            "files": self.files,
            "discovery_seconds": self.discovery_seconds,
            "directories": {p: {"files": f, "broken": b} for p, (f, b) in sorted(self.directories.items())},
            "broken": dict(sorted(self.broken.items())),
            "unparseable": sorted(self.unparseable),
            "findings": dict(sorted(self.findings.items())),
            "tiers": {name: figures.to_json() for name, figures in sorted(self.tiers.items())},
        }

    @classmethod
    def from_json(cls, data: Any) -> SuiteSnapshot:
        """Return what `to_json` has written.

        Raises:
            ValueError: It is something else; the message names the part.
        """
        try:
            return cls(
                files=count(data["files"]),
                discovery_seconds=seconds(data["discovery_seconds"]),
                directories={str(p): (count(d["files"]), count(d["broken"])) for p, d in data["directories"].items()},
                broken={str(p): str(why) for p, why in data["broken"].items()},
                unparseable=tuple(map(str, data["unparseable"])),
                findings={str(rule): count(number) for rule, number in data["findings"].items()},
                tiers={str(name): TierFigures.from_json(figures) for name, figures in data["tiers"].items()},
            )
        except KeyError as error:
            raise ValueError(f"it has no {error}") from error
        except (TypeError, AttributeError) as error:
            raise ValueError(f"a part of it is of the wrong kind: {error}") from error


def take(settings: Settings, slower_than: Callable[[float], bool], progress: Any = None) -> SuiteSnapshot:
    """Audit the suite and read the last reports; nothing is run.

    An audit is quicker when its cache is warm, so a time that seems too long is taken again before it is believed.

    Args:
        settings: The project's.
        slower_than: Whether so many seconds are too long.
        progress: See `audit`.

    Raises:
        HealthError: The audit did not finish, or a report cannot be read.
        BadSetting: See `audit`.
    """
    tiers = read_reports(settings)
    asked = AuditOptions(timeout=settings.collection_timeout)
    found = audit(settings.root, (), settings, asked, progress)
    took = found.seconds
    if found.complete and slower_than(took):
        took = min(took, audit(settings.root, (), settings, asked, progress).seconds)
    if not found.complete:
        raise HealthError(
            f"the audit was not complete after collection_timeout = {settings.collection_timeout:g} s"
            f" ({settings.origin('collection_timeout')}). Raise it."
        )
    return of(found, took, tiers)


def of(found: Audit, took: float, tiers: Mapping[str, TierFigures]) -> SuiteSnapshot:
    """Return what an audit and the reports say."""
    return SuiteSnapshot(
        files=found.files,
        discovery_seconds=round(took, 1),
        directories={d.path: (d.files, d.broken) for d in found.directories},
        broken={b.path: f"{b.causes[0].kind} {b.causes[0].target}" if b.causes else "" for b in found.broken},
        unparseable=found.unparseable,
        findings=Counter(f.rule for f in found.quality),
        tiers=tiers,
    )
