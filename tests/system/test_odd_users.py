"""Users and environments that are not as usual: each service is had, or it is said why not."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from test_framework import owner
from tests.support.checkout import Checkout
from tests.support.everybody import python_of_everybody

if TYPE_CHECKING:
    from tests.support.place import Place

NAMELESS = 54321
"""A user id that no user database has, as one that `docker run --user` is given."""

AS_NAMELESS: dict[str, Any] = {"user": NAMELESS, "group": NAMELESS, "extra_groups": []}


@pytest.mark.parametrize("home", ["/", None])
def test_user_without_a_name(embedded_place: Place, home: str | None) -> None:
    """Each service is had: initdb is told a name for him, and the servers ask for none."""
    python, path = python_of_everybody(**AS_NAMELESS)
    checkout = Checkout(embedded_place, "embedded", ("postgres",), env={"PYTHONPATH": path, "XDG_CACHE_HOME": ""})
    # The client of Redis needs more on the first patches of Python 3.11.
    checkout.write("tests/integration/test_redis.py", "def test_it(redis_db):\n    assert redis_db.url\n")
    for folder in (embedded_place.path, *embedded_place.path.rglob("*")):
        os.chown(folder, NAMELESS, NAMELESS)
    # Without HOME, Python itself knows no home folder of his.
    prefix = ("env", f"HOME={home}") if home else ("env", "-u", "HOME")
    run = checkout.start(python=python, prefix=prefix, **AS_NAMELESS)
    run.passed()
    # A person who watches is shown it.
    (told,) = (line for line in embedded_place.log().splitlines() if "nothing can be kept for the next run" in line)
    assert ("no home folder" if home is None else "/.cache") in told
    embedded_place.is_empty(containers=False)


@pytest.mark.parametrize(
    ("command", "told"), [("status", "No supervisor is running, so no servers are warm.\n"), ("clean", "")]
)
def test_a_socket_of_somebody_else(embedded_place: Place, command: str, told: str) -> None:
    """A socket that he may not open, in his own folder, is no supervisor of his; its owner is left alone."""
    python, path = python_of_everybody(**AS_NAMELESS)
    project = Checkout(embedded_place, "embedded", env={"PYTHONPATH": path})
    base = embedded_place.runtime / f"test-framework-{NAMELESS}"
    (base / "0123456789abcdef").mkdir(parents=True)
    for folder in (embedded_place.path, *embedded_place.path.rglob("*")):
        os.chown(folder, NAMELESS, NAMELESS)
        folder.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(base / "0123456789abcdef/socket"))
        theirs.listen()
        (base / "0123456789abcdef/socket").chmod(0o600)
        lock = base / "0123456789abcdef/lock"
        lock.write_text(f"{owner.MARK}\n{project.root}\n")
        lock.chmod(0o644)
        done = subprocess.run(
            [python, "-m", "test_framework", command],
            cwd=project.root,
            env=project.env(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **AS_NAMELESS,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_encryption_that_is_demanded(embedded_place: Place, mode: str) -> None:
    """PGSSLMODE is for servers of somebody else's: one of ours on this machine has no encryption, and serves."""
    checkout = Checkout(embedded_place, "embedded", ("postgres",))
    run = checkout.run(env={"PGSSLMODE": mode})
    assert "is gone" not in run.output
    run.passed()


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_cache_that_cannot_be_written(embedded_place: Place, variable: str) -> None:
    """What is kept for the next start is kept until the servers end, and the run is told so once."""
    # Nobody may make anything there, root neither.
    env = {"HOME": "/nonexistent", "XDG_CACHE_HOME": ""} | {variable: "/proc/1"}
    run = Checkout(embedded_place, "embedded", ("postgres",), env=env).run()
    run.passed()
    assert run.report["services"]["postgres"]["provider"] == "embedded"
    assert embedded_place.log().count("nothing can be kept for the next run: /proc/1") == 1
    embedded_place.is_empty(containers=False)
