"""`run`: execution modes, what is refused, and what becomes of a run that does not go well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from test_framework.config import load
from test_framework.exec.child import run_within
from tests.support.runs import PASSES, Runs

if TYPE_CHECKING:
    from tests.conftest import Project

pytestmark = pytest.mark.timeout(600)  # each runs pytest in several processes

FAILS = "def test_fails(): assert 0\n"
HANGS = "import time\ndef test_hangs(): time.sleep(60)\n"


@pytest.fixture
def runs(project: Project, capfd: pytest.CaptureFixture[str]) -> Runs:
    """Return a project with a test in each of three tiers."""
    return Runs.of_three_tiers(project, capfd)


class TestLayers:
    """One after another, until one fails or its time is up."""

    def test_nothing_follows_a_layer_that_fails(self, runs: Runs) -> None:
        """The layer itself is run to its end, and what is not run after it is named."""
        runs.tests(unit=FAILS)
        told = runs.run("--execution-mode", "nightly")
        assert (told.status, runs.ran()) == (1, {"unit", "smoke"})
        assert told.line("integration") == "core_integration integration not run layer fast_feedback failed"
        assert told.last == "RED: unit: 1 of 1 test failed; not run: integration"

    def test_without_an_option_it_is_fast_feedback(self, runs: Runs) -> None:
        """What takes the least time is what people get who ask for nothing."""
        told = runs.run()
        assert (told.status, runs.ran()) == (0, {"unit", "smoke"})
        assert "run: unit (1 of 2, layer fast_feedback, " in told.out

    def test_budgets_that_are_there_without_settings(self, runs: Runs) -> None:
        """In seconds, and the layers of each mode."""
        settings = load(runs.path / "nowhere", {})
        assert {name: layer.budget_seconds for name, layer in settings.layers.items()} == {
            "fast_feedback": 120,
            "core_integration": 600,
            "service_integration": 1200,
            "end_to_end": 3600,
        }
        layers = list(settings.layers)
        assert {name: list(mode.layers) for name, mode in settings.modes.items()} == {
            "fast_feedback": layers[:1],
            "development": layers[:2],
            "nightly": layers,
        }

    def test_a_budget_that_is_used_up(self, runs: Runs) -> None:
        """Pytest is ended in order, so that its report is there; the layer, its budget and the setting are named."""
        runs.tests(unit=PASSES + HANGS)
        for seconds in (3, 10, 30):
            runs.configure(f"layers.fast_feedback.budget_seconds = {seconds}")
            told = runs.run("--execution-mode", "development")
            if runs.ran():  # a slow machine has not even come to the test
                break
        assert (told.status, runs.ran()) == (124, {"unit"})
        assert runs.project.report()["outcome"] == "interrupted"
        setting = "layers.fast_feedback.budget_seconds, pyproject.toml [tool.test_framework.layers.fast_feedback]"
        assert told.last == (
            f"RED: unit: layer fast_feedback took longer than its {seconds} s ({setting}); not run: smoke, integration"
        )
        assert told.line("smoke").endswith("not run the time of layer fast_feedback was up")

    def test_a_budget_is_of_all_tiers_of_its_layer(self, runs: Runs) -> None:
        """What the first has used, the second does not have; without a budget nothing is ended."""
        slow = "import time\ndef test_slow(): time.sleep(1)\n"
        runs.tests(unit=slow)
        told = runs.run("--execution-mode", "fast_feedback")
        assert "run: unit (1 of 2, layer fast_feedback, 15 min 0 s left)" in told.out
        assert "run: smoke (2 of 2, layer fast_feedback, 14 min " in told.out
        runs.configure("layers.fast_feedback.budget_seconds = 0")
        assert "run: smoke (2 of 2, layer fast_feedback)" in runs.run("--execution-mode", "fast_feedback").out

    def test_a_mode_of_one_s_own(self, runs: Runs) -> None:
        """Two tables of the settings, in which a layer may be one that is built in."""
        runs.configure(
            "layers.deep.tiers = ['integration']\nlayers.deep.budget_seconds = 300\n"
            "modes.before_merge.layers = ['deep', 'fast_feedback']"
        )
        told = runs.run("--execution-mode", "before_merge")
        assert (told.status, runs.ran()) == (0, {"unit", "smoke", "integration"})
        assert told.out.index("run: integration (1 of 3, layer deep, 5 min 0 s left)") < told.out.index("run: unit")


class TestAbsent:
    """Tiers without a test file."""

    def test_a_built_in_layer_does_without(self, runs: Runs) -> None:
        """And says so, with the path."""
        told = runs.run("--execution-mode", "nightly")
        assert told.status == 0
        assert told.line("e2e") == f"e2e absent tests/e2e (the default) does not exist in {runs.path}"

    def test_what_the_settings_name_has_to_be_there(self, runs: Runs) -> None:
        """A layer of one's own does not become green by a folder that was moved."""
        runs.configure("layers.end_to_end.tiers = ['e2e']")
        said = runs.refused("--execution-mode", "nightly")
        assert (
            "tier 'e2e' of layers.end_to_end (pyproject.toml [tool.test_framework.layers.end_to_end]) selects" in said
        )
        assert "tests/e2e (the default) does not exist" in said

    def test_a_category_that_selects_no_file(self, runs: Runs) -> None:
        """It is an error with its paths, and nothing runs, also of the others."""
        (runs.path / "tests/e2e").mkdir()
        runs.project.write("tests/e2e/helper.py", "")
        said = runs.refused("--categories", "unit,e2e")
        assert "category 'e2e' selects no file: tests/e2e (the default) holds no test_*.py or *_test.py." in said
        runs.configure("tiers.empty.services = []")
        assert "category 'empty' selects no file: it has no paths" in runs.refused("--category", "empty")

    def test_a_pattern_that_leaves_nothing(self, runs: Runs) -> None:
        """It is named with the paths; in a mode, tiers that it leaves empty are absent, but not all of them."""
        said = runs.refused("--categories", "unit,smoke", "--pattern", "unit/")
        assert "category 'smoke' selects no file: no path of a test file in tests/smoke (the default) fits" in said
        assert "--pattern 'unit/'" in said
        told = runs.run("--pattern", "unit/")
        assert (told.status, runs.ran()) == (0, {"unit"})
        assert told.line("smoke").startswith("smoke absent no path of a test file")
        said = runs.run("--pattern", "integration").err
        assert "execution mode 'fast_feedback' selects no file" in said
        assert said.endswith("It does in: integration.\n")


class TestNamed:
    """Files and folders among the arguments for pytest."""

    def test_each_goes_to_its_tier(self, runs: Runs) -> None:
        """And a tier of which none is named is absent: it has not run the tests of another one."""
        runs.project.write("tests/unit/test_other.py", PASSES)
        told = runs.run("--", "tests/unit/test_unit.py::test_passes")
        assert (told.status, runs.ran()) == (0, {"unit"})
        assert told.line("smoke") == "smoke absent nothing of tests/unit/test_unit.py::test_passes is in it"
        assert told.last == "green: 1 test passed in 1 tier"
        told = runs.run("--categories", "unit,smoke", "--", "-v", "tests/smoke/test_smoke.py", "tests/unit/")
        assert (told.status, told.last) == (0, "green: 3 tests passed in 2 tiers")
        assert runs.run("--categories", "unit,integration", "--", "tests").last == "green: 3 tests passed in 2 tiers"

    def test_by_a_link_to_the_project(self, runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> None:
        """It is of its tier, whichever way leads to it."""
        link = tmp_path_factory.mktemp("links") / "project"
        link.symlink_to(runs.path)
        told = runs.run("--", f"{link}/tests/unit/test_unit.py", f"{link}/tests/smoke")
        assert (told.status, told.last) == (0, "green: 2 tests passed in 2 tiers")

    def test_the_value_of_an_option_is_none(self, runs: Runs) -> None:
        """Even where there is something of its name."""
        told = runs.run("--categories", "unit,smoke", "--", "-k", "tests", "--deselect", "tests/unit/test_unit.py")
        assert runs.run("--category", "unit", "--", "-k", "unit").status == 0
        assert told.line("smoke").startswith("smoke green")
        assert told.line("unit").startswith("unit nothing ran")

    @pytest.mark.parametrize("option", ["--execution-mode", "--pattern", "--shard", "--collection-timeout"])
    def test_an_option_that_is_empty(self, runs: Runs, option: str) -> None:
        """As from a variable that is not set: it is not taken for the default."""
        assert f"{option} is empty" in runs.refused(f"{option}=")

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (
                ["--category", "smoke", "--", "tests/unit/test_unit.py"],
                "is in smoke, which would be run: it is of unit.",
            ),
            (["--", "tests/integration"], "is in unit, smoke, which would be run: it is of integration."),
            (["--", "tests/unit", "tests/lost/test_it.py::test_passes"], "which would be run: it is of no tier."),
            (["--", "tests/unit/../lost"], "nothing of tests/unit/../lost is in unit, smoke, which would be run"),
        ],
    )
    def test_what_no_tier_of_the_run_has(self, runs: Runs, args: list[str], said: str) -> None:
        """It is an error, and nothing is run: green would be said of tests that were left out."""
        runs.project.write("tests/lost/test_it.py", PASSES)
        assert said in runs.refused(*args)


@pytest.mark.parametrize(
    ("settings", "args", "said"),
    [
        ("", ["--category", "unti"], "unknown category 'unti' in the command line. Did you mean 'unit'? Choices: e2e"),
        ("", ["--categories", ""], "unknown category '' in --categories. Choices: e2e"),
        ("", ["--execution-mode", "nightlyy"], "unknown execution mode 'nightlyy' in --execution-mode. Did you mean"),
        ("", ["--execution-mode", "nightly", "--category", "unit"], "--execution-mode has its own categories"),
        ("", ["--concurrent-users", "many"], "concurrent_users = 'many' in --concurrent-users must be a whole number"),
        (
            "",
            ["--concurrent-users", "0"],
            "concurrent_users = '0' in --concurrent-users must be a whole number from 1 to",
        ),
        (
            "",
            ["--collection-timeout", "1e12"],
            "collection_timeout = '1e12' in --collection-timeout must be a number of",
        ),
        ("", ["--collection-timeout", "-1"], "collection_timeout = '-1' in --collection-timeout must be a number of"),
        ("", ["unit"], "'unit' is a category: --category unit."),
        ("", ["--shard", "9/8"], "shard = '9/8' in --shard must be one of 1/8 to 8/8, or off."),
        ("", ["--", "--co"], "--co among the arguments for pytest lets it run no test. Count tests by run --collect-o"),
        (
            "",
            ["--", "-q", "--markers"],
            "--markers among the arguments for pytest lets it run no test. Ask pytest itse",
        ),
        ("modes.odd.layers = ['deep']", [], "unknown layer 'deep' in layers, pyproject.toml [tool.test_framework.mod"),
        ("layers.odd.tiers = ['unti']", [], "unknown tier 'unti' in tiers, pyproject.toml [tool.test_framework.layers"),
        (
            "layers.odd.budget_seconds = '2 min'",
            [],
            "budget_seconds = '2 min' in pyproject.toml [tool.test_framework.l",
        ),
        ("layers.odd.time = 3", [], "unknown key 'time' in pyproject.toml [tool.test_framework.layers.odd]"),
        (
            "modes.odd = ['unit']",
            [],
            "modes.odd = ['unit'] in pyproject.toml [tool.test_framework.modes.odd] must be a",
        ),
        (
            "modes.odd.layers = []",
            ["--execution-mode", "odd"],
            "execution mode 'odd' (pyproject.toml [tool.test_fram",
        ),
        (
            "layers.odd.budget_seconds = 1\nmodes.odd.layers = ['odd']",
            ["--execution-mode", "odd"],
            "layer 'odd' of execution mode 'odd' (the default) has no tiers",
        ),
        (
            "layers.odd.tiers = ['unit']\nmodes.odd.layers = ['fast_feedback', 'odd']",
            ["--execution-mode", "odd"],
            "tier 'unit' is twice in execution mode 'odd', in the layers fast_feedback and odd",
        ),
    ],
)
def test_what_cannot_be_is_refused(runs: Runs, settings: str, args: list[str], said: str) -> None:
    """In one line with the choices, before anything runs, or is removed of what the last run has left."""
    runs.configure(settings)
    assert said in runs.refused(*args)
    last = runs.project.write("reports/unit.json", "{}")
    assert runs.run(*args).status == 2
    assert last.exists()


def test_options_of_the_environment_that_run_nothing(runs: Runs) -> None:
    """They come to every pytest as well."""
    runs.env.setenv("PYTEST_ADDOPTS", "-q --co")
    assert "--co among the arguments for pytest lets it run no test." in runs.refused("--category", "unit")


def test_a_report_folder_that_cannot_be_written(runs: Runs) -> None:
    """One line names it and where it was set."""
    runs.project.write("reports", "")
    told = runs.run("--category", "unit")
    assert (told.status, told.out) == (2, "")
    assert f"the report folder {runs.path}/reports (the default) cannot be written: Not a directory." in told.err


class TestVerdict:
    """What is not green."""

    def test_the_worst_status_counts(self, runs: Runs) -> None:
        """Whichever tier has it."""
        runs.tests(unit="import nowhere\n", smoke=FAILS)
        told = runs.run("--categories", "unit,smoke,integration")
        assert told.status == 2
        assert told.last == "RED: unit: 1 file could not be collected; smoke: 1 of 1 test failed"

    def test_a_failure_counts_more_than_no_test(self, runs: Runs) -> None:
        """A tier without a test is red; where others fail, or run, it is not said that none ran."""
        runs.tests(unit="", smoke=FAILS)
        assert runs.run("--categories", "unit,smoke").status == 1
        told = runs.run("--categories", "unit,integration")
        assert (told.status, told.last) == (1, "RED: unit: no test ran")
        assert runs.run("--category", "unit").status == 5

    def test_a_tier_of_which_nothing_is_selected(self, runs: Runs) -> None:
        """It is not red as long as another has run a test, or the gate is strict."""
        runs.tests(unit="def test_first(): pass\n", smoke="def test_second(): pass\n")
        for args in ([], ["--collect-only"]):
            told = runs.run(*args, "--categories", "unit,smoke", "--", "-k", "second")
            assert (told.status, told.last.partition(" test ")[0]) == (0, "green: 1")
            assert told.line("unit").startswith("unit nothing ran")
            told = runs.run(*args, "--categories", "unit,smoke", "--", "-k", "third")
            assert (told.status, told.last.partition(":")[0]) == (5, "RED")
        runs.env.setenv("CI", "true")
        told = runs.run("--categories", "unit,smoke", "--", "-k", "second")
        assert (told.status, told.last) == (1, "RED: unit: nothing ran")

    def test_nothing_ran(self, no_service: Project, capfd: pytest.CaptureFixture[str]) -> None:
        """A gate that lets skips pass does not make green what has run no test."""
        runs = Runs(no_service, capfd)
        runs.tests(unit="def test_needs(postgres): pass\n", smoke=PASSES)
        told = runs.run("--category", "unit")
        assert (told.status, told.last) == (
            5,
            "RED: no test ran: unit: 1 skip not allowed: socket-missing; nothing ran",
        )
        assert told.line("unit").startswith("unit nothing ran")
        told = runs.run("--categories", "unit,smoke")
        assert (told.status, told.last) == (
            0,
            "green: 1 test passed in 1 tier, but unit: 1 skip not allowed: socket-missing; nothing ran",
        )

    def test_a_strict_gate(self, no_service: Project, capfd: pytest.CaptureFixture[str]) -> None:
        """In CI a skip is red, and the last line says which."""
        runs = Runs(no_service, capfd)
        runs.tests(unit="def test_needs(postgres): pass\n" + PASSES)
        runs.env.setenv("CI", "true")
        told = runs.run("--category", "unit")
        assert (told.status, told.last) == (1, "RED: unit: 1 skip not allowed: socket-missing")

    def test_an_old_report_is_not_believed(self, runs: Runs) -> None:
        """Neither of a pytest that does not begin, nor of a tier that the run does not come to."""
        assert runs.run("--categories", "unit,integration").status == 0
        told = runs.run("--category", "unit", "--", "--no-such-option")
        assert told.status == 4
        assert told.last == "RED: unit: pytest ended with status 4, and without a report"
        runs.tests(smoke=FAILS)
        runs.run("--execution-mode", "development")
        assert runs.ran() == {"unit", "smoke"}

    @pytest.mark.parametrize(
        ("number", "name"),
        [
            (9, "SIGKILL"),
            pytest.param(35, "signal 35", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux has it")),
        ],
    )
    def test_a_pytest_that_is_killed(self, runs: Runs, number: int, name: str) -> None:
        """It is told by which signal, and the other tiers run."""
        runs.tests(unit=f"import os\ndef test_it(): os.kill(os.getpid(), {number})\n")
        told = runs.run("--categories", "unit,smoke")
        assert (told.status, runs.ran()) == (128 + number, {"smoke"})
        assert told.last == f"RED: unit: pytest was killed by {name}; no report"

    @pytest.mark.parametrize(
        ("end", "status", "why"),
        [
            ("os._exit(255)", 255, "pytest ended with status 255, and without a report"),
            ("pytest.exit('enough', returncode=200)", 200, "run incomplete"),
            ("pytest.exit('enough', returncode=130)", 130, "run incomplete"),
        ],
    )
    def test_a_status_that_is_no_signal(self, runs: Runs, end: str, status: int, why: str) -> None:
        """Above 128 there are statuses of programs too, and nobody has killed these."""
        runs.tests(unit=f"import os, pytest\ndef test_first(): pass\ndef test_it(): {end}\n")
        told = runs.run("--category", "unit")
        assert (told.status, told.err) == (status, "")
        assert told.last == f"RED: unit: {why}"

    def test_no_report_and_status_0(self, runs: Runs) -> None:
        """Another program has taken the place of pytest: no test can be said to have run."""
        runs.tests(unit="import os\ndef test_it(): os.execv('/bin/sh', ['sh', '-c', 'exit 0'])\n")
        told = runs.run("--category", "unit")
        assert (told.status, told.last) == (1, "RED: unit: pytest ended with status 0, and without a report")

    def test_the_report_of_an_earlier_run(self, runs: Runs) -> None:
        """It is not taken for that of this one."""
        runs.tests(unit=PASSES)
        assert runs.run("--category", "unit").status == 0
        runs.tests(unit="import os\ndef test_it(): os.execv('/bin/sh', ['sh', '-c', 'exit 0'])\n")
        assert runs.run("--category", "unit").status == 1

    def test_a_failure_that_no_test_has(self, runs: Runs) -> None:
        """The exit status counts, whatever the report says."""
        conftest = "def pytest_sessionfinish(session): session.exitstatus = 1\n"
        runs.project.write("tests/unit/conftest.py", conftest)
        told = runs.run("--category", "unit")
        assert (told.status, told.last) == (1, "RED: unit: pytest ended with status 1")


@pytest.mark.parametrize(
    ("ignored", "status", "least"), [([], 130, 0), (["INT"], 143, 1), (["INT", "TERM"], 137, 2)], ids=str
)
def test_a_command_whose_time_is_up(ignored: list[str], status: int, least: int) -> None:
    """It is asked to end, then told to, then made to; what ends in time is not touched."""
    trap = f"trap '' {' '.join(ignored)}; " if ignored else ""
    ending = ((0.0, signal.SIGINT), (0.2, signal.SIGTERM), (0.2, signal.SIGKILL))
    ended = run_within("/bin/sh", ["sh", "-c", f"{trap}exec sleep 30"], dict(os.environ), 0.1, ending[: least + 1])
    assert (ended.status, ended.late, ended.signals) == (status, True, ())
    ended = run_within("/bin/sh", ["sh", "-c", f"{trap}exit 3"], dict(os.environ), 30, ending)
    assert (ended.status, ended.late) == (3, False)


def test_a_time_that_is_up_in_the_background() -> None:
    """A shell lets what it puts there ignore SIGINT; a command with a bound ends by it all the same, any other not."""
    code = (
        "import os, signal; from test_framework.exec.child import run_within\n"
        "assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
        "command = ['sh', '-c', 'kill -INT $$; exit 3']\n"
        "print(*(run_within('/bin/sh', command, dict(os.environ), seconds).status for seconds in (30, None)))"
    )
    script = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", code]
    assert subprocess.run(script, capture_output=True, text=True, check=True, timeout=60).stdout == "130 3\n"
