"""Decides whether the skips and the degradations of a run are acceptable. It never turns a failure green."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.config import Gate, Settings
from test_framework.config.ci import in_ci
from test_framework.reasons import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.report.record import Record


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says: `why` holds what is wrong, also when lenient lets it pass."""

    strict: bool
    why: tuple[str, ...]

    @property
    def red(self) -> bool:
        """Whether the run must not be taken for a success."""
        return self.strict and bool(self.why)

    def to_json(self) -> dict[str, object]:
        """Return what goes into the report."""
        return {"strict": self.strict, "verdict": "red" if self.red else "green", "why": "; ".join(self.why) or None}


def is_strict(settings: Settings, env: Mapping[str, str], *, required: bool) -> bool:
    """Whether the gate is strict: the setting decides, else whether this is CI, or `--require`."""
    if settings.gate is not Gate.AUTO:
        return settings.gate is Gate.STRICT
    return required or in_ci(env)


def judge(record: Record, settings: Settings, *, strict: bool, require: tuple[str, ...]) -> Verdict:
    """Look at what was skipped, at what did not run, and at what ran on less than it had to.

    In a run without a tier, what a test itself asks to be skipped is its own affair, as it was before this package was
    installed: nobody has said that the run has to be whole.

    Args:
        record: The run.
        settings: Hold the skip codes that are allowed.
        strict: Whether what is found makes the run red.
        require: Providers that are good enough; empty for any.
    """
    tier = settings.tiers.get(record.tier or "")
    allowed = {*settings.allowed_skips, *(tier.allowed_skips if tier else ())}
    if record.tier is None:
        allowed.add(Code.SKIPPED_BY_TEST)
    why = []
    if skipped := Counter(s.code for s in record.skips.values() if s.code not in allowed).most_common():
        many = sum(number for _, number in skipped)
        codes = ", ".join(f"{number} {code}" if len(skipped) > 1 else code for code, number in skipped)
        why.append(f"{many} skip{'' if many == 1 else 's'} not allowed: {codes}")
    had_to_run = record.tier is not None or bool(why)
    if record.ran == 0 and had_to_run and not record.interrupted and not record.is_part:
        why.append("nothing ran")
    if require:
        why += [
            f"{name} ran on {told['provider']}, and {' or '.join(require)} is required"
            for name, told in record.services.items()
            if told["provider"] and told["provider"] not in require
        ]
    return Verdict(strict, tuple(why))
