"""The gate: what makes a run red, when it is strict, and that nobody's failure becomes green."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_framework.config import Gate, Settings, load
from test_framework.config.ci import OTHERS
from test_framework.config.model import TierSettings
from test_framework.gate import Verdict, is_strict, judge
from test_framework.report.record import Record
from test_framework.resolution import Skip


def record(*outcomes: str, skips: tuple[str, ...] = (), on: str | None = None, tier: str | None = "unit") -> Record:
    """Return a run with tests of these outcomes, skips with these codes, and Postgres on a provider."""
    made = Record(tier)
    for number, outcome in enumerate(outcomes):
        made.test(f"test_{number}").outcome = outcome
    for number, code in enumerate(skips):
        nodeid = f"skipped_{number}"
        made.test(nodeid).outcome = "skipped"
        made.skips[nodeid] = Skip(nodeid, code, "why", "what to do")
    if on is not None:
        made.services["postgres"] = {"provider": on or None, "version": None, "attempts": []}
    return made


def settings(**changes: object) -> Settings:
    """Return the settings of a project without a file, with some of them changed."""
    return Settings(root=Path(), **changes)  # type: ignore[arg-type]  # each test gives what its field takes


@pytest.mark.parametrize(
    ("gate", "env", "required", "strict"),
    [
        (Gate.AUTO, {}, False, False),
        (Gate.AUTO, {"CI": "true"}, False, True),
        (Gate.AUTO, {"CI": "1"}, False, True),
        (Gate.AUTO, {"CI": ""}, False, False),
        (Gate.AUTO, {"CI": "0"}, False, False),
        (Gate.AUTO, {"CI": "False"}, False, False),
        (Gate.AUTO, {"CI": "", "TF_BUILD": "True"}, False, True),
        (Gate.AUTO, {"CI": "false", "TF_BUILD": "True"}, False, False),
        (Gate.AUTO, {"TRAVIS": "false"}, False, False),
        *((Gate.AUTO, {name: "1"}, False, True) for name in OTHERS),
        (Gate.AUTO, {}, True, True),
        (Gate.STRICT, {}, False, True),
        (Gate.LENIENT, {"CI": "true"}, True, False),
    ],
)
def test_when_the_gate_is_strict(gate: Gate, env: dict[str, str], *, required: bool, strict: bool) -> None:
    """The setting decides, else `--require` or a variable of CI; where `CI` says anything, no other one is asked."""
    assert is_strict(settings(gate=gate), env, required=required) is strict


def test_the_docs_name_each_variable_of_ci() -> None:
    """Whoever wonders why a gate is strict finds it there."""
    page = (Path(__file__).parents[2] / "docs/explanation/degrade-or-fail.md").read_text(encoding="utf-8")
    assert [name for name in OTHERS if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    ("run", "require", "why"),
    [
        (record("passed"), (), []),
        (record("failed"), (), []),
        (record("xfailed", "passed"), (), []),
        (record(), (), ["nothing ran"]),
        (record("passed", skips=("socket-missing",)), (), ["1 skip not allowed: socket-missing"]),
        (
            record("passed", skips=("socket-missing", "not-configured", "socket-missing")),
            (),
            ["3 skips not allowed: 2 socket-missing, 1 not-configured"],
        ),
        (record(skips=("skipped-by-test",)), (), ["1 skip not allowed: skipped-by-test", "nothing ran"]),
        (record("passed", on="embedded"), (), []),
        (record("passed", on="embedded"), ("docker", "embedded"), []),
        (record("passed", on="embedded"), ("docker",), ["postgres ran on embedded, and docker is required"]),
        (
            record("passed", on="staging"),
            ("docker", "embedded"),
            ["postgres ran on staging, and docker or embedded is required"],
        ),
        (record("passed", on=""), ("docker",), []),
    ],
)
def test_what_the_gate_finds(run: Record, require: tuple[str, ...], why: list[str]) -> None:
    """Strict is red for it, and lenient says the same and lets it pass."""
    strict = judge(run, load(Path(), {}), strict=True, require=require)
    assert list(strict.why) == why
    assert strict.red is bool(why)
    lenient = judge(run, load(Path(), {}), strict=False, require=require)
    assert lenient.why == strict.why
    assert not lenient.red


def test_an_interrupted_run_is_not_blamed_for_what_did_not_run() -> None:
    """Its exit code says already that the run is incomplete."""
    run = record()
    run.interrupted = True
    assert judge(run, settings(), strict=True, require=()).why == ()


@pytest.mark.parametrize(
    ("general", "of_tier", "left"),
    [
        ((), (), ["2 skips not allowed: 1 not-configured, 1 skipped-by-test"]),
        (("not-configured",), (), ["1 skip not allowed: skipped-by-test"]),
        ((), ("skipped-by-test",), ["1 skip not allowed: not-configured"]),
        (("not-configured",), ("skipped-by-test",), []),
    ],
)
def test_allowed_skips_pass(general: tuple[str, ...], of_tier: tuple[str, ...], left: list[str]) -> None:
    """A code that is allowed for every tier or for this one is no fault."""
    asked = settings(allowed_skips=general, tiers={"unit": TierSettings(allowed_skips=of_tier)})
    run = record("passed", skips=("not-configured", "skipped-by-test"))
    assert list(judge(run, asked, strict=True, require=()).why) == left


def test_skips_allowed_for_another_tier_do_not_pass() -> None:
    """Nor does a run without a tier profit from any tier's list."""
    asked = settings(tiers={"smoke": TierSettings(allowed_skips=("not-configured",)), "unit": TierSettings()})
    for tier in ("unit", None):
        assert judge(record("passed", skips=("not-configured",), tier=tier), asked, strict=True, require=()).red


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (Verdict(strict=True, why=("a", "b")), {"strict": True, "verdict": "red", "why": "a; b"}),
        (Verdict(strict=False, why=("a",)), {"strict": False, "verdict": "green", "why": "a"}),
        (Verdict(strict=True, why=()), {"strict": True, "verdict": "green", "why": None}),
    ],
)
def test_the_verdict_in_the_report(verdict: Verdict, told: dict[str, object]) -> None:
    """It says what was found also where it let it pass."""
    assert verdict.to_json() == told


@pytest.mark.parametrize(
    ("run", "red"),
    [
        (record("passed", skips=("skipped-by-test",), tier=None), False),
        (record(skips=("skipped-by-test",), tier=None), False),
        (record(skips=("socket-missing",), tier=None), True),
        (record("passed", skips=("skipped-by-test",)), True),
        (record(skips=("skipped-by-test",)), True),
    ],
    ids=["a skipif", "nothing but a skipif", "a service", "a skipif in a tier", "nothing but a skipif in a tier"],
)
def test_what_a_test_skips_itself(run: Record, *, red: bool) -> None:
    """Without a tier nobody has said that the run has to be whole: a suite that was green before we came stays so."""
    assert judge(run, settings(), strict=True, require=()).red is red
