"""An audit as one list of findings, for SARIF and annotations; and its path in the repository."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from test_framework.audit.causes import CAUSES
from test_framework.audit.explained import EXPLAINED, LOST
from test_framework.audit.limits import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.audit.model import Audit

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """One thing that is wrong at one line; `what` tells it from others of its rule in the file, whatever the line."""

    rule: str
    path: str
    line: int
    what: str
    message: str
    limit: str  # the setting that says how much of it is too much
    breaks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The title of the rule, or its id where it has none."""
        return EXPLAINED[self.rule].title if self.rule in EXPLAINED else self.rule


def level(rule: str) -> Level:
    """Return how bad a rule is by itself: what keeps tests from running is an error."""
    return "error" if rule in CAUSES or rule in LOST or rule in {"no-test", "critical-missing"} else "warning"


def reported_findings(audit: Audit) -> Iterator[ReportedFinding]:
    """Yield all that an audit has found: causes where they lie, the most harmful first, then single files and tests."""
    yield from _causes(audit)
    for path in audit.unreached:
        yield ReportedFinding("unreached", path, 1, "", "no tier selects this file", "max_unreached")
    for limit, findings in (("max_quality", audit.quality), ("max_imports", audit.imports)):
        for found in findings:
            own = "max_empty" if found.rule == "no-test" else limit
            parts = ": ".join(part for part in (found.test, found.message) if part)
            what = found.test or (found.message if limit == "max_imports" else "")
            yield ReportedFinding(found.rule, found.path, found.line, what, parts, own)


def _causes(audit: Audit) -> Iterator[ReportedFinding]:
    found: dict[tuple[str, str, str, int], list[str]] = {}
    for broken in audit.broken:
        for cited in broken.causes:
            key = cited.kind, cited.target, cited.via or broken.path, cited.line
            found.setdefault(key, []).append(broken.path)
    rank = {(cause.kind, cause.target): number for number, cause in reversed(list(enumerate(audit.causes)))}
    advice = {(cause.kind, cause.target): cause for cause in audit.causes}
    for key, files in sorted(found.items(), key=lambda item: (rank.get(item[0][:2], 0), -len(item[1]), item[0])):
        kind, target, path, line = key
        cause = advice.get((kind, target))
        parts = [target]
        if cause and cause.message:
            parts.append(cause.message)
        if cause and cause.suggestion:
            parts.append(cause.suggestion)
        parts.append(f"breaks {len(files)} test file{'s' if len(files) > 1 else ''}")
        yield ReportedFinding(kind, path, line, target, "; ".join(parts), LIMITS[0].setting, tuple(files))


def path_in_repository(root: Path) -> str:
    """Return the way from the root of the git repository to an audited folder, with a slash at its end; empty for none.

    GitHub counts paths from there.
    """
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            inner = root.relative_to(folder).as_posix()
            return "" if inner == "." else f"{inner}/"
    return ""
