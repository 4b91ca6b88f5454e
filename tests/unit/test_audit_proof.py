"""The proof of the audit: what counts as found, missed and false, what is kept, and that damage is repaired."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.audit.__main__ import ROOT, main
from tests.audit.cases import read
from tests.audit.comparison import Outcome, Summary
from tests.audit.damage import Batch, Mutation, applied
from tests.audit.findings import Counts, Proof
from tests.audit.projects import PROJECTS, Place
from tests.audit.scoring import compared
from tests.audit.tables import page
from tests.audit.truth import Kept, Truth

if TYPE_CHECKING:
    from pathlib import Path

PLANT = {"kind": "gone", "bad": True, "rule": False, "kinds": ["missing-module"], "tests": ["test_a.py"], "fine": []}
PLACE = {"path": "lib.py", "first": 3, "last": 4, "suggestion": ""}
ALIKE = {**PLANT, **PLACE, "bad": False, "kinds": [], "tests": [], "fine": ["test_b.py"]}
MANIFEST = {"clutter": ["old/test_c.py"], "plants": [{**PLANT, **PLACE}, ALIKE]}


def told(*causes: tuple[str, str, int], path: str = "test_a.py") -> dict[str, Any]:
    """Return what an audit says of one file: causes of a kind, at a path and a line."""
    cited = [{"kind": kind, "target": "x", "line": line, "via": via} for kind, via, line in causes]
    broken = [{"path": path, "causes": cited}] if causes else []
    return {"broken": broken, "causes": [], "quality": [], "empty": [], "unreached": []}


@pytest.mark.parametrize(
    ("said", "found", "false"),
    [
        (told(("missing-module", "lib.py", 4)), 1, 0),
        (told(), 0, 0),
        (told(("missing-name", "lib.py", 4)), 0, 1),
        (told(("missing-module", "", 4)), 0, 1),
        (told(("missing-module", "lib.py", 5)), 0, 1),
        (told(("missing-module", "lib.py", 3), ("import-circle", "lib.py", 9)), 1, 1),
        (told(("missing-module", "lib.py", 3), path="test_b.py"), 0, 1),
        (told(("missing-module", "", 1), path="old/test_c.py"), 0, 1),
    ],
    ids=["right", "nothing", "kind", "file", "line", "more", "a look-alike", "not to be collected"],
)
def test_a_cause_is_found_by_its_file_kind_place_and_line(said: dict[str, Any], found: int, false: int) -> None:
    """The right file for the wrong reason is a miss and a false alarm."""
    score = compared(MANIFEST, said)
    assert (score.found.total(), len(score.misses), score.false.total()) == (found, 1 - found, false)
    assert len(score.alarms) == false


def test_agreement_is_counted_by_file() -> None:
    """What only pytest calls broken is missed, what only the audit calls broken is false."""
    files = set("abcd")
    sound = Outcome("p", 0, [], files, 4, {}, {"d": ["x"]}, Counter(), 1.0)
    mutated = Outcome("p", 1, [["kind", "a", "w"]], files, 4, dict.fromkeys("abc", "E"), {"a": ["x"]}, Counter(), 1.0)
    summary = Summary([sound, mutated])
    figures = {figure.name: figure.value for figure in summary.figures(1)}
    assert (figures["sound projects: false errors"], figures["mutations: recall"]) == (1, 1 / 3)
    assert figures["sound projects: test files of which pytest and the audit say the same"] == 3
    rows = {table.title: list(table.rows) for table in summary.counts(5)}
    assert list(rows["real: mutations, the worst first"][0][:6]) == ["kind", 1, 0, 3, 2, 0]
    assert ("kind", "p batch 1", 2, "b", "E", "nothing") in rows["real: where they differ"]


def test_what_pytest_said_is_kept_by_what_it_was_asked(tmp_path: Path) -> None:
    """Another question has no answer yet."""
    truth = Truth({"a", "b"}, {"a": "E"}, {"b": None}, 1.5)
    assert Kept(tmp_path, ("one",)).read() is None
    Kept(tmp_path, ("one",)).write(truth)
    assert Kept(tmp_path, ("one",)).read() == truth
    assert Kept(tmp_path, ("other",)).read() is None


def test_damage_is_repaired(tmp_path: Path) -> None:
    """Contents, times and names are as before, also when something goes wrong meanwhile."""
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(f"{name[0]} = 1\n", encoding="utf-8")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    place = Place(PROJECTS[0], tmp_path, tmp_path / "python")
    mutations = (Mutation("", "a.py", (), "a ="), Mutation("", "b.py", ()), Mutation("", "c.py", (), None, "d.py"))
    damaged = {}

    def damage() -> None:
        with applied(place, Batch(1, mutations)):
            damaged.update({path.name: path.read_text() for path in tmp_path.iterdir()})
            raise KeyError

    with pytest.raises(KeyError):
        damage()
    assert damaged == {"a.py": "a =", "d.py": "c = 1\n"}
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before


def test_findings_are_written_and_read_again() -> None:
    """A table of counts comes back from JSON, and no cell ends its row."""
    proof = Proof(
        "real", (), counts=(Counts("differ", ("file", "share"), [["a|b\nc", 0.5]]), Counts("none", ("x",), []))
    )
    assert Proof.from_json("real", proof.to_json()).to_json() == proof.to_json()
    lines = list(page({"cores": "2"}, [proof]))
    assert "| a/b c | 0.5000 |" in lines
    assert lines[-1] == "None."


def test_each_kind_of_defect_has_something_that_looks_like_it() -> None:
    """Forty at least, and no name twice."""
    kinds = read()
    assert len({kind.name for kind in kinds}) == len(kinds) >= 40
    assert all(kind.bad and kind.fine for kind in kinds)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nothing"], "nothing; there are suite"),
        (["--cache", str(ROOT / "x")], "in the checkout"),
        (["--files", "0"], "0"),
    ],
)
def test_misuse_is_one_clear_error(
    arguments: list[str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the value, and nothing is begun."""
    monkeypatch.setattr(sys, "argv", ["proof", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert named in capsys.readouterr().err
