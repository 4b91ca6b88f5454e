"""What is told of an audit: a screen for people, SARIF, annotations, explanations, and what concerns changed files."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

import test_framework.audit
from test_framework.audit import Audit, AuditOptions, Broken, Cause, Cited, Directory, Finding, audit
from test_framework.audit.changed import restrict_to_changed
from test_framework.audit.explained import EXPLAINED, explain
from test_framework.audit.output.github import to_github_annotations
from test_framework.audit.output.reported import path_in_repository, reported_findings
from test_framework.audit.output.sarif import to_sarif
from test_framework.audit.text import Page, format_summary
from test_framework.config import BadSetting, load
from tests.support.examples import as_files

SCHEMA = json.loads((Path(__file__).parents[1] / "support" / "schemas" / "sarif-2.1.0.json").read_text("utf-8"))
GOOD = "def test_it():\n    assert 1 + 1 == 2\n"
SICK = {
    "helpers.py": "def total(items:\n    return 0\n",
    "shop.py": "def price():\n    return 3\n",
    "tests/test_a.py": f"from helpers import total\n{GOOD}",
    "tests/test_b.py": f"import helpers\n{GOOD}",
    "tests/test_c.py": f"\nfrom shop import prize\n{GOOD}",
    "tests/test_d.py": "def test_nothing():\n    print(1)\n\n\ndef test_true():\n    assert True\n",
    "tests/deep/test_e.py": GOOD,
}


def audited(root: Path, files: dict[str, str]) -> Audit:
    """Return the audit of a project that is these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return audit(root, [], load(root, {}), AuditOptions(cache=False))


def many(count: int) -> Audit:
    """Return an audit in which every list is long."""
    names = [f"tests/folder_{n}/test_{n}.py" for n in range(count)]
    return Audit(
        files=count,
        seconds=1.0,
        directories=tuple(Directory(f"tests/folder_{n}", 1, 1) for n in range(count)),
        broken=tuple(Broken(name, (Cited("missing-name", f"shop.n{n}", 3),)) for n, name in enumerate(names)),
        causes=tuple(Cause("missing-name", f"shop.n{n}", name, 3, (name,)) for n, name in enumerate(names)),
        unreached=tuple(names),
        quality=tuple(Finding(name, 7, "no-assertion", "test_it", "asserts nothing") for name in names),
        imports=tuple(Finding(name, 1, "moved-name", "", "a has moved to b") for name in names),
    )


# -- for people --------------------------------------------------------------------------------------


def test_the_most_harmful_cause_comes_first(tmp_path: Path) -> None:
    """Folders, then causes with how many files each breaks, where it is and what to do, then files and tests."""
    lines = format_summary(audited(tmp_path, SICK), Page(), None)
    text = "\n".join(lines)
    order = [
        text.index(part) for part in ("Folder", "syntax-error", "missing-name shop.prize", "Cannot be imported: 3")
    ]
    assert order == sorted(order)
    assert "    2 files  syntax-error helpers" in text
    assert "helpers.py:1: " in text
    assert "tests/test_c.py:2: did you mean price?" in text
    assert re.search(r"^  tests +4 +3 +25\.0%$", text, re.M)
    assert re.search(r"^  tests/deep +1 +0 +100\.0%$", text, re.M)
    assert "In tests: 1 no-assertion, 1 constant-assertion" in text
    assert "test files that pytest cannot import: 3, 0 allowed" in lines
    assert lines[-2:] == [
        "next: helpers.py:1 breaks 2 files",
        "      python -m test_framework audit --explain syntax-error",
    ]


@pytest.mark.parametrize("height", [24, 50, 100])
def test_it_fits_the_screen_and_says_what_it_leaves_out(height: int) -> None:
    """Every part is there, each with how many more there are, and no line is wider than the screen."""
    lines = format_summary(many(300), Page(width=80, height=height), None)
    least = 45  # six parts of the least size, with what stands around them
    assert len(lines) < max(height, least)
    assert max(map(len, lines)) <= 80
    parts = ("Folder", "Causes", "Cannot", "Selected", "In tests", "Rules of import")
    assert [any(line.startswith(part) for line in lines) for part in parts] == [True] * 6
    left = [int(found[1]) for line in lines if (found := re.match(r"  … and (\d+) more, in --json$", line))]
    assert len(left) == 6


def test_a_larger_screen_shows_more() -> None:
    """And one that is large enough shows all."""
    small, large = (len(format_summary(many(30), Page(height=height), None)) for height in (50, 100))
    assert small < large < 100
    assert not any("more, in --json" in line for line in format_summary(many(30), Page(height=1000), None))


def test_a_screen_shows_every_rule() -> None:
    """One rule with many findings does not hide another."""
    lots = [Finding("tests/test_a.py", n, "no-assertion", f"test_{n}") for n in range(99)]
    found = Audit(1, 1.0, quality=(*lots, Finding("tests/test_b.py", 1, "empty-body", "test_last")))
    assert any("test_last: empty-body" in line for line in format_summary(found, Page(height=20), None))


class Screen(io.StringIO):
    """A terminal, for those who ask."""

    def isatty(self) -> bool:
        """Whether it is one: yes."""
        return True


@pytest.mark.parametrize(
    ("stream", "env", "color"),
    [
        (Screen(), {}, True),
        (Screen(), {"NO_COLOR": ""}, True),
        (Screen(), {"NO_COLOR": "1"}, False),
        (Screen(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals(stream: io.StringIO, env: dict[str, str], color: bool) -> None:  # noqa: FBT001  # parametrized
    """A pipe has none and no width; NO_COLOR, when it is not empty, and TERM=dumb switch it off."""
    page = Page.of(stream, env)
    assert page.color is color
    assert (page.width > 0) is stream.isatty()
    assert ("\x1b[" in "\n".join(format_summary(many(3), page, None))) is color


def test_a_clean_suite_says_so(tmp_path: Path) -> None:
    """With nothing to do next."""
    lines = format_summary(audited(tmp_path, {"tests/test_a.py": GOOD}), Page(), None)
    assert lines[-1] == "clean"


def test_what_the_thresholds_allow_is_not_called_clean(tmp_path: Path) -> None:
    """It is shown all the same."""
    toml = "[tool.test_framework.audit]\nmax_broken = 3\nmax_quality = 2\n"
    found = audited(tmp_path, {**SICK, "pyproject.toml": toml})
    lines = format_summary(found, Page(), load(tmp_path, {}).audit)
    assert "within the thresholds" in lines
    assert not any("allowed" in line for line in lines)


# -- SARIF -------------------------------------------------------------------------------------------


def results(log: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Return rule, file and line of what a log tells."""
    found = []
    for result in log["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        found.append((result["ruleId"], place["artifactLocation"]["uri"], place["region"]["startLine"]))
    return found


def test_sarif_is_valid(tmp_path: Path) -> None:
    """The schema of OASIS accepts it; each result is where the fault lies, and names its rule."""
    log = to_sarif(audited(tmp_path, SICK))
    assert list(Draft7Validator(SCHEMA).iter_errors(log)) == []
    assert results(log) == [
        ("syntax-error", "helpers.py", 1),
        ("missing-name", "tests/test_c.py", 2),
        ("no-assertion", "tests/test_d.py", 1),
        ("constant-assertion", "tests/test_d.py", 6),
    ]
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["help"]["markdown"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert "startColumn" not in place["region"]
    related = [at["physicalLocation"]["artifactLocation"]["uri"] for at in run["results"][0]["relatedLocations"]]
    assert related == ["tests/test_a.py", "tests/test_b.py"]


def test_the_schema_refuses_what_is_no_sarif(tmp_path: Path) -> None:
    """So that the test before this one can fail."""
    log = to_sarif(audited(tmp_path, SICK))
    del log["runs"][0]["results"][0]["message"]
    log["runs"][0]["results"][1]["level"] = "bad"
    assert len(list(Draft7Validator(SCHEMA).iter_errors(log))) == 2


def test_a_clean_sarif_has_rules_and_no_results(tmp_path: Path) -> None:
    """Code scanning closes what an empty list does not have."""
    log = to_sarif(audited(tmp_path, {"tests/test_a.py": GOOD}))
    assert list(Draft7Validator(SCHEMA).iter_errors(log)) == []
    assert results(log) == []
    assert {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]} == EXPLAINED.keys()


def test_fingerprints_stay_when_lines_move(tmp_path: Path) -> None:
    """A line more at the top of every file changes no fingerprint, and no two are the same."""
    twice = "def test_a():\n    assert True\n    assert (1, 'one')\n    assert (2, 'two')\n"
    before = to_sarif(audited(tmp_path, {**SICK, "tests/test_f.py": twice}))
    moved = {name: f"# moved\n{text}" for name, text in {**SICK, "tests/test_f.py": twice}.items()}
    after = to_sarif(audited(tmp_path, moved))
    assert results(before) != results(after)
    prints = [[r["partialFingerprints"] for r in log["runs"][0]["results"]] for log in (before, after)]
    assert prints[0] == prints[1]
    assert len({json.dumps(p) for p in prints[0]}) == len(prints[0]) > 4


def test_paths_start_at_the_repository(tmp_path: Path) -> None:
    """GitHub counts from there, wherever the audited folder is; odd names are quoted."""
    (tmp_path / ".git").mkdir()
    root = tmp_path / "packages" / "one"
    files = {"tests/test_ a#ä.py": "def test_it():\n    print(1)\n"}
    found = audited(root, files)
    prefix = path_in_repository(root)
    assert prefix == "packages/one/"
    assert path_in_repository(tmp_path) == ""
    assert [uri for _, uri, _ in results(to_sarif(found, prefix))] == ["packages/one/tests/test_%20a%23%C3%A4.py"]
    (line,) = to_github_annotations(found, {"max_quality"}, prefix)
    assert line.startswith("::error file=packages/one/tests/test_ a#ä.py,line=1,")


# -- GitHub ------------------------------------------------------------------------------------------


def test_annotations_are_escaped() -> None:
    """Percent signs and line ends everywhere, colons and commas in properties too."""
    found = Audit(1, 1.0, quality=(Finding("a,b:c%.py", 3, "no-assertion", "", "50%: one,\r\ntwo"),))
    title = f"no-assertion%3A {EXPLAINED['no-assertion'].title}"
    assert list(to_github_annotations(found, {"max_quality"})) == [
        f"::error file=a%2Cb%3Ac%25.py,line=3,title={title}::50%25: one,%0D%0Atwo"
    ]


def test_annotations_are_errors_where_they_make_it_fail() -> None:
    """What the thresholds allow is a warning."""
    found = many(1)
    kinds = [line.split(" ")[0] for line in to_github_annotations(found, {"max_broken", "max_imports"})]
    assert kinds == ["::error", "::warning", "::warning", "::error"]


def test_annotations_say_how_many_more_there_are() -> None:
    """GitHub shows ten of a kind from one step: the rest is a number."""
    lines = list(to_github_annotations(many(30), {"max_broken"}))
    assert [sum(line.startswith(kind) for line in lines) for kind in ("::error", "::warning")] == [10, 10]
    assert lines[-1] == "::notice title=audit::and 100 more; --json and --sarif write all of them"


# -- explanations ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPLAINED)
def test_examples_are_true(tmp_path: Path, name: str) -> None:
    """The bad example of each kind and rule is found by the audit, in the other there is nothing of it."""
    rule = EXPLAINED[name]
    bad = audited(tmp_path / "bad", as_files(rule.example_bad))
    good = audited(tmp_path / "good", as_files(rule.example_good))
    assert name in {place.rule for place in reported_findings(bad)}
    assert name not in {place.rule for place in reported_findings(good)}


def test_every_id_is_explained() -> None:
    """Whatever the audit's code names as a kind of fault, or finds by a rule, has its explanation."""
    folder = Path(test_framework.audit.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    named = set(re.findall(r'\b(?:ImportFault|RuleFinding)\(\s*(?:[\w.]+,\s*)?"([a-z-]+)"', text))
    assert {"syntax-error", "missing-name", "name-clash"} <= named
    assert named <= EXPLAINED.keys()


def test_an_explanation_has_all_parts() -> None:
    """What it is, why, and the code on either side."""
    text = "\n".join(explain("no-assertion"))
    rule = EXPLAINED["no-assertion"]
    assert text.startswith(f"no-assertion: {rule.title}\n\n{rule.explanation}\n\nFound in:\n")
    assert "\n\nFine:\n" in text
    assert "audit: ok[no-assertion]" in text


def test_an_unknown_id_is_told_the_nearest() -> None:
    """And all choices."""
    with pytest.raises(BadSetting) as caught:
        list(explain("no-asertion"))
    assert "unknown id 'no-asertion' in --explain. Did you mean 'no-assertion'?" in str(caught.value)
    assert ", ".join(sorted(EXPLAINED)) in str(caught.value)


# -- changed files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "broken", "findings"),
    [
        ({"tests/test_c.py"}, ["tests/test_c.py"], 0),
        ({"helpers.py"}, ["tests/test_a.py", "tests/test_b.py"], 0),
        ({"shop.py"}, ["tests/test_c.py"], 0),
        ({"tests/test_d.py"}, [], 2),
        ({"tests/deep/test_e.py"}, [], 0),
        ({"README.py"}, [], 0),
    ],
)
def test_what_concerns_a_change(tmp_path: Path, changed: set[str], broken: list[str], findings: int) -> None:
    """What lies in the files, and the tests that they break: a helper concerns those that import from it."""
    found = restrict_to_changed(audited(tmp_path, SICK), changed)
    assert [b.path for b in found.broken] == broken
    assert sorted(path for cause in found.causes for path in cause.files) == broken
    assert len(found.quality) == findings
    assert sum(d.broken for d in found.directories) == len(broken)
