"""Marks of processes: a mark names one process and no other that gets its number later."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from shutil import which
from typing import TYPE_CHECKING

import pytest

from test_framework import owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sleeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps, whose program has the name that the test asks for."""
    program = tmp_path / getattr(request, "param", "sleep")
    program.symlink_to(which("sleep") or "/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        yield process
        process.kill()


def mark_of(process: subprocess.Popen[bytes]) -> str:
    """Return the mark of a process that runs."""
    return f"{process.pid}_{owner.start_ticks(process.pid)}"


def test_this_process_is_alive() -> None:
    """The mark names this process by its id and its start."""
    assert owner.is_mark(owner.MARK)
    assert owner.MARK.startswith(f"{os.getpid()}_")
    assert owner.alive(owner.MARK)


def test_a_process_that_ended_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    """Also while it waits to be collected by its parent."""
    mark = mark_of(sleeper)
    assert owner.alive(mark)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not owner.alive(mark)
    sleeper.wait()
    assert not owner.alive(mark)
    assert owner.start_ticks(sleeper.pid) == 0


def test_another_process_with_the_same_number_is_another() -> None:
    """The start tells them apart."""
    pid, _, ticks = owner.MARK.partition("_")
    assert not owner.alive(f"{pid}_{int(ticks) - 1}")
    assert not owner.alive(f"{pid}_0")


@pytest.mark.parametrize("sleeper", ["a b", "a) S 1 (b", "(((", "z) Z 1 1"], indirect=True)
def test_a_program_may_have_any_name(sleeper: subprocess.Popen[bytes]) -> None:
    """Blanks and parentheses in its name do not move the fields after it."""
    ticks = owner.start_ticks(sleeper.pid)
    boot = int(owner.MARK.partition("_")[2])
    assert boot <= ticks < boot + 60 * 100 * 60
    assert owner.alive(mark_of(sleeper))


@pytest.mark.parametrize("text", ["", "1", "1_", "_1", "a_1", "1_2_3", "-1_2", " 1_2", "1_2\n", "1.0_2"])
def test_other_text_is_no_mark(text: str) -> None:
    """It names nobody, so nothing that carries it is taken for a dead owner's, or a living one's."""
    assert not owner.is_mark(text)
    assert not owner.alive(text)


def test_the_machine_is_named() -> None:
    """The name is the same in every process of it and fits into a label of a container."""
    code = "from test_framework import owner; print(owner.HOST)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == owner.HOST
    assert re.fullmatch(r"[\w.-]+", owner.HOST)


def test_what_a_dead_process_has_made_is_abandoned(sleeper: subprocess.Popen[bytes]) -> None:
    """A name says which process of which machine has made it; only a dead one of this machine has abandoned it."""
    begin = owner.prefix_of("tf_")
    assert begin != owner.prefix_of("tf_")
    assert re.fullmatch(r"tf_\w+_", begin)
    assert not owner.abandoned(f"{begin}7", "tf_")
    name = f"{begin}7".replace(owner.MARK, mark_of(sleeper))
    assert not owner.abandoned(name, "tf_")
    sleeper.kill()
    sleeper.wait()
    assert owner.abandoned(name, "tf_")
    here = begin.split("_")[3]
    elsewhere = name.replace(here, here[::-1])
    for other in (elsewhere, name.replace("tf_", "my_"), f"{name}_x", "tf_1_1_7", "tf_", "postgres"):
        assert not owner.abandoned(other, "tf_")
