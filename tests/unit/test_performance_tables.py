"""What the benchmark makes of its samples: ratios, differences, aims, Markdown, and the block of the docs."""

from __future__ import annotations

import json

import pytest

from tests.performance.findings import TIMES, Absent, Figure, Findings, Table
from tests.performance.measuring import CaseFailed, in_turns
from tests.performance.tables import between_markers, markdown, number

TABLE = Table("runs", "s", {"ours": [2.0, 1.0, 4.0], "theirs": [9.0, 6.0, 8.0]}, to="ours", over="ours")


def test_a_ratio_is_of_medians() -> None:
    """The slowest sample of a case moves nothing."""
    assert TABLE.ratio("theirs") == 8.0 / 2.0
    assert TABLE.ratio("ours") == 1.0


@pytest.mark.parametrize("to", [None, "absent", "nothing"])
def test_there_is_no_ratio_to_nothing(to: str | None) -> None:
    """A reference that was not measured, or costs nothing, gives none; nor does a case that costs nothing."""
    assert Table("", "", {"nothing": [-0.1], "theirs": [1.0]}, to=to).ratio("theirs") is None
    assert Table("", "", {"nothing": [-0.1], "theirs": [1.0]}, to="theirs").ratio("nothing") is None


def test_a_difference_is_of_rounds() -> None:
    """Samples that were taken side by side are compared with each other, and medians where rounds are not the same."""
    assert TABLE.difference("theirs", "ours") == 5.0
    assert Table("", "", {"a": [9.0, 6.0, 8.0], "b": [1.0]}).difference("a", "b") == 7.0


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (Figure("", 1.0, "s", at_most=1.0), True),
        (Figure("", 1.1, "s", at_most=1.0), False),
        (Figure("", 10.0, TIMES, at_least=10.0), True),
        (Figure("", 9.9, TIMES, at_least=10.0), False),
        (Figure("", 9.9, TIMES), None),
    ],
)
def test_an_aim_is_reached_or_not(figure: Figure, reached: bool | None) -> None:  # noqa: FBT001  # an expected value
    """At the bound it is reached; without one there is nothing to reach."""
    assert figure.reached is reached


def test_findings_come_back_from_json() -> None:
    """What is rendered later is what was measured."""
    found = Findings("part", (TABLE,), (Figure("f", 1.0, "s", at_most=2.0),), (Absent("a", "why", failed=True),))
    told = json.loads(json.dumps(found.to_json()))
    assert Findings.from_json("part", told) == found
    assert told["tables"][0]["found"]["theirs"] == {
        "median": 8.0,
        "min": 6.0,
        "max": 9.0,
        "p95": 9.0,
        "ratio": 4.0,
        "over": 5.0,
    }


def test_a_page_names_what_was_measured_and_what_was_not() -> None:
    """Figures come first, with their aims; absent cases are told in one line each."""
    findings = Findings("part", (TABLE,), (Figure("f", 3.0, "s", at_most=2.0),), (Absent("theirs too", "no\n engine"),))
    page = "\n".join(markdown({"cores": "2"}, [findings]))
    assert page.startswith("Measured on cores: 2.")
    assert "| f | 3.00 s | ≤ 2 s | **not reached** |" in page
    assert f"| theirs | 8.00 | 6.00 .. 9.00 | +5.000 | 4.00 {TIMES} |" in page
    assert "- theirs too: no engine" in page


def test_many_samples_have_a_percentile() -> None:
    """The 95th percentile is shown where there are enough samples to have one, and a series has its ends."""
    many = Table("many", "ms", {"a": [float(n) for n in range(1, 101)]})
    series = Table("memory", "MB", {"a": [3.0, 9.0, 5.0]}, kind="series")
    page = "\n".join(markdown({}, [Findings("part", (many, series))]))
    assert "| a | 50.5 | 95.0 | 1.00 .. 100 |" in page
    assert "| a | 3.00 | 5.00 | 9.00 |" in page


@pytest.mark.parametrize(("value", "text"), [(0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1,234")])
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """More would not be reproducible."""
    assert number(value) == text


def test_the_block_of_a_page_is_replaced() -> None:
    """What is around it stays."""
    page = "before\n<!-- measured -->\nold\n<!-- /measured -->\nafter\n"
    new = between_markers(page, ["new"])
    assert new == "before\n<!-- measured -->\n\nnew\n\n<!-- /measured -->\nafter\n"
    assert between_markers(new, ["new"]) == new


@pytest.mark.parametrize("page", ["", "<!-- measured -->", "<!-- /measured --> <!-- measured -->"])
def test_a_page_without_a_block_is_refused(page: str) -> None:
    """Nothing is written where nothing was meant to be."""
    with pytest.raises(ValueError, match="no lines"):
        between_markers(page, ["new"])


def test_cases_take_turns() -> None:
    """Each round is in the other order, the first does not count, and a case that failed is named and left out."""
    order: list[tuple[str, int]] = []

    def case(name: str, number: int) -> float:
        order.append((name, number))
        if (name, number) == ("c", 1):
            raise CaseFailed("exit status 1")
        return float(number)

    names = ("a", "b", "c")
    samples, failed = in_turns({name: lambda n, name=name: case(name, n) for name in names}, 2)  # type: ignore[misc]
    assert [name for name, n in order if n == 0] == ["c", "b", "a"]
    assert [name for name, n in order if n == 1] == ["a", "b", "c"]
    assert [name for name, n in order if n == 2] == ["b", "a"]
    assert samples == {"a": [1.0, 2.0], "b": [1.0, 2.0]}
    assert failed == [Absent("c", "exit status 1", failed=True)]
