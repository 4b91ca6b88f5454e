"""Temporary folders as they are on other machines: with long names and odd letters, and little shared memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait_until
from tests.support.checkout import Checkout
from tests.support.custom_services import NATS, project
from tests.support.memory import little_memory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.place import Place

RUN_SECONDS = 150.0
"""Bound on a run: the first one waits for initdb."""

pytestmark = pytest.mark.timeout(2 * RUN_SECONDS + 60)

ODD = 'it\'s "100%" of größe & <more> \\ ${HOME}'
LONG = "of-a-user-whose-name-is-long/and-of-a-job-that-has-a-number-0123456789"
"""The path of a Unix socket there would be longer than the system takes."""

GREETS = """\
import socket


def test_nats_greets(nats):
    host, _, port = nats.url.removeprefix("nats://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        assert b'"server_name":"odd"' in connection.recv(1024)
"""


@pytest.fixture(params=[ODD, LONG], ids=["odd", "long"])
def temporary(request: pytest.FixtureRequest, embedded_place: Place) -> Path:
    """Return a temporary folder that is used for data too, since there is little shared memory."""
    folder: Path = embedded_place.path / "tmp" / request.param
    folder.mkdir(parents=True)
    return folder


def passes(checkout: Checkout, temporary: Path) -> None:
    """Assert that the tests pass with data in this folder, and that nothing is left there."""
    env = {"TMPDIR": str(temporary), "XDG_CACHE_HOME": str(temporary / "cache")}
    for _ in ("cold", "warm"):
        run = checkout.start(env=env, prefix=little_memory())
        run.passed(RUN_SECONDS)
        assert set(run.outcomes().values()) == {"passed"}
    # The servers end after the run, by themselves.
    wait_until(
        lambda: {path.name for path in temporary.iterdir()} <= {"cache", "pytest-of-root"},
        "no data is left",
        RUN_SECONDS,
    )


def test_postgres_and_redis(embedded_place: Place, temporary: Path) -> None:
    """They start, with tests that use a database of each, and end."""
    passes(Checkout(embedded_place, "embedded"), temporary)


def test_a_service_of_the_users_own(embedded_place: Place, temporary: Path) -> None:
    """Its command, and its files, are given the folder as it is."""
    table = NATS.replace('command = ["nats-server"', 'command = ["nats-server", "-c", "{folder}/nats.conf"', 1)
    table += '\nfiles = { "nats.conf" = "server_name: odd\\n" }\n'
    passes(project(embedded_place, "embedded", table, GREETS), temporary)
