"""A command with a Docker engine on another machine: `python -m tests.support.remote_engine tls|ssh -- CMD`.

Also the fixtures for tests of such an engine.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.custom_services import BASE
from tests.support.engine import small_redis
from tests.support.needs import lack, need
from tests.support.place import Place
from tests.support.remote_machine import NEEDED, RemoteMachine

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["remote_machine", "remote_place"]

_SMALL = "tests/redis:8"


@pytest.fixture(scope="session")
def remote_machine() -> Iterator[RemoteMachine]:
    """Return a machine with an engine that has no image; skipped where none can be had."""
    need("root", *NEEDED)
    with RemoteMachine() as machine:
        yield machine


@pytest.fixture(params=["tls", "ssh"])
def remote_place(remote_machine: RemoteMachine, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Return a place for projects whose containers run on that machine, which has a small image of Redis."""
    env = remote_machine.env(request.param)
    with Place(env | {"TEST_FRAMEWORK_REDIS_IMAGE": _SMALL}) as place:
        assert place.client is not None
        if not place.client.images.list(_SMALL):
            small_redis(place.client, _SMALL)
        yield place


def main(arguments: list[str] | None = None) -> int:
    """Run a command with a remote engine; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.remote_engine",
        description="Run a command with a Docker engine on another machine.",
    )
    parser.add_argument("way", choices=("tls", "ssh"), help="how the command reaches the engine")
    parser.add_argument("command", nargs="+", help="after `--`; it finds the images that TEST_FRAMEWORK_…_IMAGE name")
    asked = parser.parse_args(arguments)
    if reason := lack("root", *NEEDED):
        parser.error(f"{reason.message}. {reason.remedy}")
    images = sorted(v for k, v in os.environ.items() if re.fullmatch(r"TEST_FRAMEWORK_\w+_IMAGE", k))
    begun = time.monotonic()
    with ExitStack() as stack:
        # So that what is below is undone.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        machine = stack.enter_context(RemoteMachine())
        if images:
            # Some tests build their own on what ours are made of.
            images = [*images, BASE]
            machine.load(images)
        told = machine.env(asked.way)
        print(f"{told['DOCKER_HOST']}, after {time.monotonic() - begun:.1f} s: {' '.join(images)}", flush=True)
        return subprocess.run(asked.command, env=os.environ | told, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
