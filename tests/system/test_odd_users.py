"""Users and environments that are not as usual: each service is had, or it is said why not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.checkout import SERVICES, Checkout
from tests.support.everybody import python_of_everybody

if TYPE_CHECKING:
    from tests.support.place import Place

NAMELESS = 54321
"""A user id that no user database has, as one that `docker run --user` is given."""

AS_NAMELESS: dict[str, Any] = {"user": NAMELESS, "group": NAMELESS, "extra_groups": []}


@pytest.mark.parametrize("home", ["/", None])
def test_user_without_a_name(embedded_place: Place, home: str | None) -> None:
    """Postgres cannot be initialised for him, which is said with a way out; Redis serves him."""
    python, path = python_of_everybody(**AS_NAMELESS)
    checkout = Checkout(embedded_place, "embedded", SERVICES, env={"PYTHONPATH": path})
    checkout.tests(before=0, middle=0, after=1)
    checkout.write("tests/integration/test_redis.py", "def test_it(redis_db):\n    assert redis_db.url\n")
    checkout.write("pyproject.toml", "[tool.test_framework.tiers.integration]\nservices = []\n")
    for folder in (embedded_place.path, *embedded_place.path.rglob("*")):
        os.chown(folder, NAMELESS, NAMELESS)
    # Without HOME, Python itself knows no home folder of his.
    prefix = ("env", f"HOME={home}") if home else ("env", "-u", "HOME")
    run = checkout.start(python=python, prefix=prefix, **AS_NAMELESS)
    run.end()
    told = run.attempt("postgres", "embedded")
    assert (told["code"], told["kind"]) == ("user-unknown", "unavailable"), run.output
    assert f"the user id {NAMELESS}" in told["message"]
    assert f"useradd --uid {NAMELESS}" in told["remedy"]
    assert run.outcomes() == {"test_it": "passed", "test_after[0]": "skipped"}
    embedded_place.is_empty(containers=False)


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_encryption_that_is_demanded(embedded_place: Place, mode: str) -> None:
    """PGSSLMODE is for servers of somebody else's: one of ours on this machine has no encryption, and serves."""
    pytest.importorskip("test_framework.reach", reason="libpq's environment is shut off there")
    checkout = Checkout(embedded_place, "embedded", ("postgres",))
    run = checkout.run(env={"PGSSLMODE": mode})
    assert "is gone" not in run.output
    run.passed()


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_cache_that_cannot_be_written(embedded_place: Place, variable: str) -> None:
    """Where nothing can be kept for the next run, this one goes without."""
    pytest.importorskip("test_framework.private", reason="what is kept is made there")
    # Nobody may make anything there, root neither.
    env = {"HOME": "/nonexistent", "XDG_CACHE_HOME": ""} | {variable: "/proc/1"}
    run = Checkout(embedded_place, "embedded", ("postgres",), env=env).run()
    run.passed()
    assert run.report["services"]["postgres"]["provider"] == "embedded"
