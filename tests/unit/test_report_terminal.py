"""The summary of a run: the verdict in its first line, one line for each reason, and never more than a screen."""

from __future__ import annotations

from typing import Any

import pytest

from test_framework.report.record import Failure, Record
from test_framework.report.screen import cells, fitted
from test_framework.report.stored import Report
from test_framework.report.terminal import blocks, colour
from test_framework.resolution import Code, Reason, Skip
from tests.support.reports import GREEN, KEPT, RED, green, red

SOCKET = Reason.of(Code.SOCKET_MISSING, host="unix:///var/run/docker.sock", source="the default socket")


def told(report: Report, columns: int = 80, rows: int = 21) -> list[str]:
    """Return the lines of the summary."""
    return [line for line, _ in fitted(blocks(report, ["reports/integration.json"]), columns, rows)]


def attempts(reason: Reason = SOCKET, *, had: bool = True) -> list[dict[str, Any]]:
    """Return what Docker said, and that the embedded server was used."""
    docker = {"provider": "docker", **reason.to_json(), "seconds": 0.0}
    embedded = {"provider": "embedded", "code": None, "kind": None, "message": None, "remedy": None, "seconds": 0.5}
    return [docker, *([embedded] if had else [])]


SKIPPED: dict[str, Any] = {**RED, "why": "9 skips not allowed: 7 skipped-by-test, 2 socket-missing"}


def run(uses: dict[str, int], versions: dict[str, tuple[str, str]], gate: dict[str, Any] = GREEN) -> Report:
    """Return a run in which so many tests passed on embedded servers of these versions, and Docker was not there."""
    record = Record("integration")
    for name, tests in uses.items():
        version, note = versions[name]
        record.services[name] = {"provider": "embedded", "version": version, "attempts": attempts(), "note": note}
        for number in range(tests):
            test = record.test(f"tests/integration/test_{name}.py::test_{number}")
            test.outcome, test.services = "passed", {name: {"provider": "embedded", "version": version}}
    return Report.of(record, gate)


def skip(report: Report, code: str, message: str, remedy: str, tests: int) -> None:
    """Add so many tests that were skipped."""
    for number in range(tests):
        nodeid = f"tests/test_{len(report.record.tests)}.py::test_{number}"
        report.record.test(nodeid).outcome = "skipped"
        report.record.skips[nodeid] = Skip(nodeid, code, message, remedy)


def skipped(gate: dict[str, Any]) -> Report:
    """Return a run of nothing but skips."""
    report = Report.of(Record("unit"), gate)
    skip(report, "socket-missing", "no engine", "start it", 2)
    return report


def unread() -> Report:
    """Return a run of two tests, beside a file that could not be collected."""
    record = Record("unit", uncollected=True)
    record.test("tests/test_a.py::test_fails").outcome = "failed"
    record.test("tests/test_a.py::test_passes").outcome = "passed"
    file = record.test("tests/test_b.py")
    file.outcome, file.collected = "error", False
    return Report.of(record, GREEN)


def lenient(report: Report) -> Report:
    """Return it with something that a lenient gate lets pass."""
    return Report.of(report.record, {**GREEN, "why": RED["why"]})


@pytest.mark.parametrize(
    ("report", "line", "shown"),
    [
        (green(), "green: 5 passed", "green"),
        (
            lenient(green()),
            "green (lenient gate, red in CI): 2 skips not allowed: socket-missing; 5 passed",
            "yellow",
        ),
        (
            red(),
            "red: 3 of 26 tests failed; 2 skips not allowed: socket-missing; 20 passed on embedded; 1 xfailed",
            "red",
        ),
        (skipped(GREEN), "nothing ran: 2 skipped", "yellow"),
        (
            lenient(skipped(GREEN)),
            "nothing ran: 2 skipped; 2 skips not allowed: socket-missing",
            "yellow",
        ),
        (unread(), "red: 1 of 2 tests failed; 1 file could not be collected; 1 passed", "red"),
        (Report.of(Record("unit", interrupted=True), GREEN), "red: run incomplete", "red"),
    ],
)
def test_the_verdict_comes_first(report: Report, line: str, shown: str) -> None:
    """In plain words, and in its colour."""
    first, markup = next(fitted(blocks(report, []), 200, 20))
    assert first == line
    assert markup == {shown: True, "bold": True}
    assert colour(report) == shown


def test_what_ran_on_several() -> None:
    """The provider that most tests ran on comes first."""
    report = run({"postgres": 1, "redis": 2}, {"postgres": ("18.4", ""), "redis": ("6.2.14", "")})
    report.record.tests["tests/integration/test_postgres.py::test_0"].services["postgres"]["provider"] = "docker"
    assert told(report)[0] == "green: 3 passed on embedded and docker"


def section(lines: list[str], title: str) -> list[str]:
    """Return the lines below a title."""
    below = lines[lines.index(title) + 1 :]
    return below[: next((n for n, line in enumerate(below) if not line.startswith(" ")), len(below))]


def test_one_line_for_each_reason() -> None:
    """Of all services and tests, what most were skipped for first; what to do about it once."""
    report = run({"redis": 3}, {"redis": ("6.2.14", "")}, SKIPPED)
    off = Reason.of(Code.PROVIDER_DISABLED, provider="embedded", source="TEST_FRAMEWORK_PROVIDERS").to_json()
    for name, tests in (("postgres", 2), ("clickhouse", 3)):
        tried = [*attempts(had=False), {"provider": "embedded", **off, "seconds": 0.0}]
        report.record.services[name] = {"provider": None, "version": None, "attempts": tried}
        message = f"{name}: {SOCKET.message} [embedded: disabled by TEST_FRAMEWORK_PROVIDERS]"
        skip(report, SOCKET.code, message, SOCKET.remedy, tests)
    skip(report, "skipped-by-test", "only on Windows", "Mend it.", 7)
    lines = told(report, columns=300)
    assert section(lines, "providers not used:") == [
        "  7 tests skipped: skipped-by-test: only on Windows",
        f"  docker (clickhouse, postgres, redis; 5 tests skipped): {SOCKET}",
    ]
    assert section(lines, "what to do:") == [f"  {SOCKET.remedy}", "  Mend it."]
    assert lines[1:4] == ["clickhouse: unavailable", "postgres: unavailable", "redis 6.2.14 on embedded: 3 tests"]


def test_a_test_that_insists_on_a_provider() -> None:
    """It is counted with the services that the provider was not there for."""
    report = run({"redis": 3}, {"redis": ("6.2.14", "")}, RED)
    skip(report, SOCKET.code, SOCKET.message, SOCKET.remedy, 2)
    assert section(told(report, 300), "providers not used:") == [f"  docker (redis; 2 tests skipped): {SOCKET}"]


def test_different_words_of_one_provider() -> None:
    """The first of them are shown, and that there are more."""
    report = run({"postgres": 1, "redis": 1}, {"postgres": ("18.4", ""), "redis": ("6.2.14", "")})
    other = Reason(Code.SOCKET_MISSING, "none here either", "Start it.", SOCKET.kind)
    report.record.services["redis"]["attempts"] = attempts(other)
    (line,) = section(told(report, columns=300), "providers not used:")
    assert line == f"  docker (postgres, redis): {SOCKET} (and 1 more like it)"


def test_tests_that_skip_themselves() -> None:
    """What to do is said once, with the first place; and not at all where the gate allows it."""
    report = run({"postgres": 1}, {"postgres": ("18.4", "")}, SKIPPED)
    report.record.services.clear()
    for place in ("tests/a.py:3", "tests/b.py:4", "tests/c.py:5"):
        reason = Reason.of(Code.SKIPPED_BY_TEST, text="not today", where=place)
        skip(report, reason.code, reason.message, reason.remedy, 2)
    said = "Skipped by the test itself (tests/a.py:3 and 2 other places). Fix its condition"
    assert [line for line in told(report, 300) if said in line] == section(told(report, 300), "what to do:")
    allowed = told(Report.of(report.record, GREEN))
    assert "what to do:" not in allowed
    assert allowed[0] == "green: 1 passed on embedded, 6 skipped"


def test_kept_databases_and_what_was_left() -> None:
    """A URL is whole, so that it can be copied, and names its test."""
    report = red()
    report.record.tests[next(iter(report.record.tests))].left = ["redis, database 0 has 1 new key: lost"]
    lines = told(report, columns=60, rows=40)
    assert section(lines, "kept for you to look at:")[1] == f"    {KEPT.removeprefix('postgres ')}"
    assert section(lines, "left behind:")[0] == "  redis, database 0 has 1 new key: lost (while"


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("rows", [21, 37])
def test_it_fits_a_screen(columns: int, rows: int) -> None:
    """However many services, reasons, skips, failures and kept databases there are, and in whatever script."""
    report = red()
    for number in range(40):
        image, variable = f"表/{number}", f"IMAGE_{number}"
        why = Reason.of(Code.IMAGE_MISSING, image=image, host="h", error="e" * 200, variable=variable)
        server = {"provider": "embedded", "version": "1"}
        report.record.services[f"service{number}"] = {**server, "attempts": attempts(why)}
    for number in range(400):
        skip(report, "skipped-by-test", f"理由 {number} " * 20, f"Mend {number} " * 40, 3)
    for number, test in enumerate(report.record.tests.values()):
        test.kept, test.left = [KEPT], [f"redis, key {number}"]
    lines = told(report, columns, rows)
    assert sum(-(-cells(line) // columns) for line in lines) <= rows
    assert lines[-1] == "report: reports/integration.json"
    for title in ("providers not used:", "what to do:", "left behind:", "kept for you to look at:"):
        assert section(lines, title)[-1].endswith(" more, in reports/integration.json")


def failed(report: Report, message: str, tests: int) -> None:
    """Add so many tests that failed with the same words."""
    for number in range(tests):
        test = report.record.test(f"tests/test_failed_{len(report.record.tests)}.py::test_{number}")
        test.outcome, test.failure = "failed", Failure(message, "tests/test_failed.py", 1, message)


def test_why_tests_failed_and_nothing_that_would_not_help() -> None:
    """A reason is shown once, with its tests; how to get a provider that was not needed is not what to do."""
    report = run({"postgres": 1}, {"postgres": ("18.4", "")})
    failed(report, "template-failed: the template schema.sql failed. Mend it.", 2)
    failed(report, "assert 1 == 2", 1)
    lines = told(report, 300)
    assert section(lines, "failed:") == ["  template-failed: the template schema.sql failed. Mend it. (2 tests)"]
    assert "what to do:" not in lines
    assert section(lines, "providers not used:") == [f"  docker (postgres): {SOCKET}"]


def test_what_to_do_for_a_provider_that_the_gate_requires() -> None:
    """It is told although tests failed as well: that run stays red without it."""
    report = run({"postgres": 1}, {"postgres": ("18.4", "")}, RED)
    failed(report, "assert 1 == 2", 1)
    assert section(told(report, 300), "what to do:") == [f"  {SOCKET.remedy}"]


def test_what_to_do_for_a_service_that_no_test_had() -> None:
    """Its tests failed for just that."""
    report = run({"postgres": 1}, {"postgres": ("18.4", "")})
    report.record.services["redis"] = {"provider": None, "version": None, "attempts": attempts(had=False)}
    failed(report, f"{SOCKET}. {SOCKET.remedy}", 1)
    assert section(told(report, 300), "what to do:") == [f"  {SOCKET.remedy}"]
