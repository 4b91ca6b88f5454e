"""Check databases out, use and give them back, so often: prints the seconds of each step as JSON."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg

from test_framework.config import load
from test_framework.supervisor.client import connect
from test_framework.supervisor.wire import ServiceRequest

if TYPE_CHECKING:
    from test_framework.supervisor.client import SupervisorClient

POSTGRES = "postgres"
PAUSE_SECONDS = 0.05
"""Between two tests that leave the server the time to have a database ready."""

UNHURRIED = 300
"""So many of these, at most: they take their time."""


def use(client: SupervisorClient, *, write: bool) -> tuple[float, float]:
    """Do what a test does; return the seconds of the checkout, and of all of it."""
    begin = time.perf_counter()
    name, endpoint = client.checkout(POSTGRES)
    out = time.perf_counter()
    with psycopg.connect(endpoint.url) as connection:
        connection.execute("SELECT count(*) FROM t1")
        if write:
            connection.execute("INSERT INTO t1 (name) VALUES ('x')")
            connection.execute("INSERT INTO t2 (name) VALUES ('x')")
    client.give_back(name, retain=False)
    return out - begin, time.perf_counter() - begin


def unhurried(client: SupervisorClient, *, write: bool) -> float:
    """Leave the server the time to have one ready, then check out; return the seconds of that."""
    time.sleep(PAUSE_SECONDS)
    return use(client, write=write)[0]


def main(count: int, kind: str) -> int:
    """Do it `count` times, reading or writing."""
    settings = load(Path.cwd())
    with closing(connect(settings, {}, uuid4().hex, lambda _: None)) as client:
        resolution = client.resolve(ServiceRequest.of(POSTGRES, settings, None))
        if resolution.endpoint is None:
            print(resolution.reason, file=sys.stderr)
            return 1
        # The first one waits for the template to be made.
        use(client, write=False)
        write = kind == "write"
        ready = [unhurried(client, write=write) for _ in range(min(count, UNHURRIED))]
        used = [use(client, write=write) for _ in range(count)]
    steps = {"ready": ready, "checkout": [out for out, _ in used], "whole": [whole for _, whole in used]}
    print(json.dumps(steps))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
