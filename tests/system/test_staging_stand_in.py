"""The command `stand-in`: what it writes, how it ends, and what it refuses."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.stand_in import ROOT, StandIn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.place import Place


def refused(place: Place, *args: str, before: str = "pass") -> str:
    """Run it with arguments that it refuses, and return what it says of them, on one line."""
    code = f"import sys; {before}; from test_framework.cli import main; sys.exit(main(['stand-in', *sys.argv[1:]]))"
    result = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=ROOT,
        env=place.env | {"TEST_FRAMEWORK_PROVIDERS": "explicit,embedded"},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_leaves_nothing(number: signal.Signals, embedded_place: Place) -> None:
    """However it ends, its servers and its folder go; told to end, it takes its file of variables with it."""
    with StandIn(embedded_place) as stand_in:
        assert stand_in.file.stat().st_mode & 0o777 == 0o600
        assert [secret for secret in stand_in.secrets if secret in stand_in.output] == []
        status = stand_in.end(number)
    if number is signal.SIGKILL:
        assert status == -number
    else:
        assert (status, stand_in.file.exists()) == (0, False)
    embedded_place.is_empty(containers=False)


def test_it_leaves_nothing_of_a_fault(embedded_place: Place) -> None:
    """A backend of its own, and a database of its own that it has cut off, go with it even when it is killed."""
    with StandIn(embedded_place, "--broken", "database-down") as stand_in:
        assert stand_in.end(signal.SIGKILL) == -signal.SIGKILL
    embedded_place.is_empty(containers=False)


def test_it_ends_by_itself(embedded_place: Place) -> None:
    """After --seconds; it says what is broken, and what the tier is to say of that."""
    with StandIn(embedded_place, "--seconds", "1", "--broken", "closed-port") as stand_in:
        assert stand_in.process.wait(20) == 0
    assert "nobody listens on the backend's port; the tier says connection-refused" in stand_in.output
    embedded_place.is_empty(containers=False)


def test_an_unknown_fault(embedded_place: Place) -> None:
    """The error names the choices, the nearest first."""
    told = refused(embedded_place, "--broken", "closed-prot")
    assert "Did you mean 'closed-port'?" in told
    assert "slow-events" in told


@pytest.mark.parametrize(
    ("without", "args", "said"),
    [
        ("E2E_SERVICE", (), "set service in [tool.test_framework.e2e]."),
        ("STAND_IN_DRIFT", ("--broken", "drifted-configuration"), "set drift in [tool.test_framework.stand_in]."),
    ],
)
def test_what_the_settings_do_not_say(
    without: str, args: tuple[str, ...], said: str, embedded_place: Place, tmp_path: Path
) -> None:
    """The error names what to set, before anything is started."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for line in ('service = "backend"\n', 'drift = { BACKEND_ISSUER = "another-backend" }\n'):
        assert text.count(line) == 1
        key = line.partition(" ")[0].upper()
        text = text.replace(line, "") if without.endswith(key) else text
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    before = f"import os; os.chdir({str(tmp_path)!r})"
    assert said in refused(embedded_place, *args, before=before)


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "1e300"])
def test_a_time_that_is_none(seconds: str, embedded_place: Place) -> None:
    """The error names the option and the value."""
    told = refused(embedded_place, "--seconds", seconds)
    assert "--seconds" in told
    assert seconds in told


def test_a_file_that_is_there_is_not_replaced(embedded_place: Place, tmp_path: Path) -> None:
    """It may be somebody's, and would be removed in the end."""
    mine = tmp_path / ".env"
    mine.write_text("MINE=1\n")
    assert str(mine) in refused(embedded_place, "--env-file", str(mine))
    assert mine.read_text() == "MINE=1\n"


@pytest.mark.parametrize("package", ["trustme", "httpx"])
def test_a_package_that_is_missing(package: str, embedded_place: Place) -> None:
    """The error names the extra to install."""
    told = refused(embedded_place, before=f"sys.modules[{package!r}] = None")
    assert package in told
    assert "pip install pytest-tiers[staging]" in told


def test_servers_that_cannot_be_had(embedded_place: Place) -> None:
    """The reason of the provider is told; servers of others are not put behind a front."""
    before = "import os; os.environ['TEST_FRAMEWORK_PROVIDERS'] = 'explicit,staging'"
    assert refused(embedded_place, before=before).startswith("stand-in: provider-disabled: ")
