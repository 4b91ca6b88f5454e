"""Which tests of a run have no network: those of a tier without it that ask for no service."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Project

CONNECTS = """
import os, socket, pytest

def connect():
    socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), timeout=5).close()

def test_plain(): connect()
@pytest.mark.requires("redis")
def test_requires(): connect()
@pytest.mark.docker_required
def test_docker(): connect()
def test_services(services): connect()
class TestIt:
    def test_method(self): connect()
@pytest.fixture
def connected(): connect()
def test_fixture(connected): pass
"""


@pytest.fixture
def listening(project: Project) -> Iterator[Project]:
    """Return a project whose tests connect to a port on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        project.env.setenv("PORT", str(server.getsockname()[1]))
        yield project


def outcomes(project: Project, *args: str) -> dict[str, str]:
    """Run, and return the outcome of each test by its name."""
    result = project.run("-v", *args)
    lines = [line.split() for line in result.outlines if "::" in line and "%]" in line]
    return {words[0].rpartition("::")[2]: words[1] for words in lines}


def test_a_tier_without_network_blocks_it(listening: Project) -> None:
    """A test that opens a connection fails there, also by a fixture; one that asks for a service may."""
    listening.env.setenv("TEST_FRAMEWORK_PROVIDERS", "explicit")
    listening.write("tests/unit/test_it.py", CONNECTS)
    told = outcomes(listening, "--tier", "unit")
    assert {name for name, outcome in told.items() if outcome == "FAILED"} == {"test_plain", "test_method"}
    assert told["test_fixture"] == "ERROR"
    assert told["test_services"] == "PASSED"
    assert told["test_requires"] == "SKIPPED"
    result = listening.run("--tier", "unit", "-k", "test_plain")
    result.stdout.fnmatch_lines(["E *NetworkBlocked: tests/unit/test_it.py::test_plain asks for no service*"])


def test_files_belong_to_their_tier_without_the_option(listening: Project) -> None:
    """Of one run over two tiers, only the tests of the one without network are blocked, and sockets are put back."""
    plain = CONNECTS.partition("@pytest")[0]
    listening.write("tests/unit/test_a.py", plain.replace("test_plain", "test_unit"))
    listening.write("tests/integration/test_b.py", plain.replace("test_plain", "test_integration"))
    listening.write("tests/unit/test_c.py", plain.replace("test_plain", "test_unit_again"))
    listening.write("tests/elsewhere/test_d.py", plain.replace("test_plain", "test_elsewhere"))
    files = ("tests/unit/test_a.py", "tests/integration/test_b.py", "tests/unit/test_c.py", "tests/elsewhere/test_d.py")
    assert outcomes(listening, *files) == {
        "test_unit": "FAILED",
        "test_integration": "PASSED",
        "test_unit_again": "FAILED",
        "test_elsewhere": "PASSED",
    }


def test_a_tier_can_be_given_the_network(listening: Project) -> None:
    """By the very setting that the refusal names."""
    listening.configure("[tool.test_framework.tiers.unit]\nnetwork = true")
    listening.write("tests/unit/test_it.py", CONNECTS)
    assert outcomes(listening, "--tier", "unit", "-k", "test_plain or test_method") == {
        "test_plain": "PASSED",
        "test_method": "PASSED",
    }


def test_a_driver_imported_by_the_test_is_blocked(project: Project) -> None:
    """A test whose code under test imports psycopg only when it connects does not get past the block."""
    text = "def test_it():\n    import psycopg\n    psycopg.connect('postgresql://app@127.0.0.1:1/db')\n"
    project.write("tests/unit/test_it.py", text)
    result = project.spawn("--tier", "unit", "-p", "no:postgresql")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["E *NetworkBlocked: tests/unit/test_it.py::test_it asks for no service*"])
