"""A full disk, made by a real one that is small: told as such, wherever it shows."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait_until
from tests.support.checkout import Checkout
from tests.support.engine import OwnEngine, redis_layer
from tests.support.place import Place
from tests.support.registry import Registry, serving

if TYPE_CHECKING:
    from tests.support.run import Run

_ROOM = 4 << 20


def refused(run: Run, service: str, provider: str) -> str:
    """Assert that a run failed because of a full disk; return the message."""
    assert run.end() == pytest.ExitCode.TESTS_FAILED, run.output
    assert set(run.outcomes().values()) == {"error"}
    told = run.attempt(service, provider)
    assert (told["code"], told["kind"]) == ("disk-full", "broken"), f"{told}\n{run.output}"
    return str(told["message"])


def test_engine_has_no_room_for_an_image(own_engine: OwnEngine) -> None:
    """An image that does not fit is `disk-full`, naming the image."""
    with Place(own_engine.env) as place, serving(Registry(redis_layer() + os.urandom(_ROOM))) as registry:
        env = {"TEST_FRAMEWORK_REDIS_IMAGE": registry.image}
        with own_engine.nearly_full(_ROOM):
            run = Checkout(place, "docker", ("redis",), env=env).start()
            assert registry.image in refused(run, "redis", "docker")
        place.is_empty()


def test_engine_has_no_room_for_a_container(own_engine: OwnEngine) -> None:
    """A container that the engine cannot make for want of room is `disk-full`."""
    with Place(own_engine.env) as place:
        env = {"TEST_FRAMEWORK_REDIS_IMAGE": "tests/redis:8"}
        with own_engine.nearly_full(0):
            run = Checkout(place, "docker", ("redis",), env=env).start()
            assert "no space left for redis on docker" in refused(run, "redis", "docker")
        place.is_empty()


@pytest.mark.needs("mounts")
@pytest.mark.parametrize("cache", ["warm", "cold"])
def test_no_room_for_embedded_data(embedded_place: Place, cache: str) -> None:
    """A data folder that does not fit is `disk-full`, naming the folder, also while it is made for the first time."""
    place = embedded_place
    checkout = Checkout(place, "embedded", ("postgres",))
    if cache == "warm":
        checkout.run().passed()
        place.is_empty()
    env = {"XDG_CACHE_HOME": str(place.path / "cache")} if cache == "cold" else {}
    # In a mount namespace of its own, so that nobody else's memory is small.
    mounts = (
        f'mount -t tmpfs -o size=5m tmpfs {place.temporary} && mount -t tmpfs -o size=8m tmpfs /dev/shm && exec "$@"'
    )
    run = checkout.start(env=env, prefix=("unshare", "--mount", "--propagation=private", "sh", "-c", mounts, "-"))
    assert str(place.temporary) in refused(run, "postgres", "embedded")
    # A segment of memory may be left: what initdb runs inside aborts on a full disk, and frees nothing.
    wait_until(lambda: not place.processes() and not place.folders(), "nothing is left")
    assert not list((place.path / "cache").glob("*/.*"))


@pytest.mark.needs("mounts")
def test_supervisor_has_no_room(embedded_place: Place) -> None:
    """A supervisor whose folder is on a full disk is one clear error, in time."""
    place = embedded_place
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "tmpfs", str(place.runtime)], check=True)
    try:
        run = Checkout(place, "embedded", ("redis",)).start()
        assert run.end(10) == pytest.ExitCode.TESTS_FAILED
        assert "No space left on device" in run.output
        assert str(place.runtime) in run.output
        assert "Traceback" not in run.output
    finally:
        subprocess.run(["umount", str(place.runtime)], check=True)
    assert Path(place.runtime).is_dir()
