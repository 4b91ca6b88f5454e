"""The proof of `exec`: what a suite said is read from JUnit's file, and compared test by test."""

from __future__ import annotations

import socket
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.adoption import by_hand
from tests.adoption.__main__ import found_in, main
from tests.adoption.by_hand import CannotStart, Server, containers, programs
from tests.adoption.outcomes import OUTCOMES, Outcomes, differences
from tests.adoption.suites import REQUIREMENTS, SUITES, Suite
from tests.adoption.ways import BESIDE, WAYS, Ran
from tests.audit.tables import page

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

PASSED = Outcomes({"a": ("passed",), "b": ("passed",)})
SUITE = Suite("some==1.0", "", ("redis",), ("tests",), {"redis": 6379}, password=False, env={"URL": "{redis.url}"})
BY_HAND = Ran({"redis": "7.0.1"}, PASSED)
SAME = {"by hand": BY_HAND, "exec, embedded": BY_HAND}
DIFFER = SAME | {"exec, embedded": Ran({"redis": "7.0.1"}, Outcomes({"a": ("failed",), "b": ("passed",)}))}
JUNIT = """<testsuites><testsuite>
<testcase classname="m" name="good"/>
<testcase classname="m" name="bad"><failure message="x"/></testcase>
<testcase classname="m" name="worse"><failure message="x"/><error message="at its end"/></testcase>
<testcase classname="m" name="skip"><skipped type="pytest.skip"/></testcase>
<testcase classname="m" name="xfail"><skipped type="pytest.xfail"/></testcase>
<testcase classname="" name="m"><error message="at collection"/></testcase>
</testsuite></testsuites>"""


def test_outcomes_are_read(tmp_path: Path) -> None:
    """As pytest counts them, each test by its name."""
    (tmp_path / "junit.xml").write_text(JUNIT, encoding="utf-8")
    found = Outcomes.read(tmp_path / "junit.xml")
    assert dict(zip(OUTCOMES, found.counts(), strict=True)) == {
        "passed": 1,
        "failed": 2,
        "errors": 2,
        "skipped": 1,
        "xfailed": 1,
    }
    assert found.tests["m::worse"] == ("errors", "failed")
    assert found.tests["m"] == ("errors",)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"a": ("passed",), "b": ("passed",)}, {}),
        ({"a": ("failed",), "b": ("passed",)}, {"a": ("passed", "failed")}),
        ({"b": ("passed",)}, {"a": ("passed", "absent")}),
        ({"a": ("passed",), "b": ("passed",), "c": ("skipped",)}, {"c": ("absent", "skipped")}),
    ],
)
def test_runs_are_compared_test_by_test(other: dict[str, tuple[str, ...]], expected: dict[str, object]) -> None:
    """Also where the counts are the same."""
    assert differences(PASSED, Outcomes(other)) == expected


def test_a_difference_is_a_failure_and_is_named() -> None:
    """The figure does not reach its aim, and the page has the test."""
    proof = found_in(SUITE, DIFFER, DIFFER, [])
    assert [figure.reached for figure in proof.figures] == [False]
    lines = list(page({"cores": "2"}, [proof]))
    assert "| by hand | redis 7.0.1 | 2 | 0 | 0 | 0 | 0 |" in lines
    assert lines.count("| a | exec, embedded | failed | by hand | passed | each time |") == 2
    # One that could not be asked twice counts.
    assert [figure.reached for figure in found_in(SUITE, DIFFER, {}, []).figures] == [False]
    same = found_in(SUITE, SAME, {}, [])
    assert [figure.reached for figure in same.figures] == [True]
    assert not any("differ" in line for line in page({}, [same]))


def test_a_test_that_says_now_this_now_that_is_told_and_does_not_count() -> None:
    """It said the same when it was asked again."""
    proof = found_in(SUITE, DIFFER, SAME, [])
    assert [figure.reached for figure in proof.figures] == [True]
    lines = list(page({"cores": "2"}, [proof]))
    assert "| a | exec, embedded | failed | by hand | passed | once |" in lines
    assert "| exec, embedded, once more | redis 7.0.1 | 2 | 0 | 0 | 0 | 0 |" in lines


def test_what_did_not_run_is_compared_with_nothing() -> None:
    """Without its counterpart a way has no figure."""
    assert found_in(SUITE, {"exec, Docker": Ran({}, PASSED)}, {}, []).figures == ()


def test_each_way_by_exec_has_one_by_hand() -> None:
    """Both names are ways."""
    assert {*BESIDE, *BESIDE.values()} == {*WAYS} - {"no server"}


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_suites_are_pinned(suite: Suite) -> None:
    """By hash, and all that they need by version."""
    assert len(suite.sha256) == 64
    needs = (REQUIREMENTS / f"{suite.name}.txt").read_text(encoding="utf-8").splitlines()
    assert needs
    assert [line for line in needs if "==" not in line] == []


def test_the_command() -> None:
    """Options that `exec` reads, then the suite as it is run by hand."""
    told = "--service redis --port redis=6379 --no-password --env URL={redis.url}"
    assert " ".join(SUITE.options()) == told
    assert SUITE.command()[:3] == ["python", "-m", "pytest"]
    assert Suite("some==1.0", "", (), (), unset=("A",)).command()[:4] == ["env", "-u", "A", "python"]


@pytest.mark.parametrize("start", [programs, containers])
def test_a_port_that_is_taken_is_no_server_by_hand(start: Callable[..., AbstractContextManager[object]]) -> None:
    """Neither a program nor a container is started beside who has it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=f"port {port} of this machine: Address already in use"):
            start(("redis",), {"redis": port}).__enter__()


def test_no_server_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one listens that nobody started for the suite, what passes does not tell that it needs none."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        monkeypatch.setitem(by_hand._PORTS, "redis", other.getsockname()[1])
        with pytest.raises(CannotStart, match="Address already in use"):
            by_hand.none_there(["redis"])
    by_hand.none_there(["redis"])


def test_what_a_person_exports() -> None:
    """The variables and the fields lead to the same server."""
    server = Server("postgres", "17.1", 40001)
    assert server.env["PGPORT"] == server.fields["port"] == "40001"
    assert server.fields["url"] == "postgresql://postgres@127.0.0.1:40001/test"


def test_misuse_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the value and the choices, and nothing is begun."""
    monkeypatch.setattr(sys, "argv", ["proof", "nothing"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "there is no suite nothing; there are pg8000, " in capsys.readouterr().err
