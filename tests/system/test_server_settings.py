"""What servers of ours are like: as official images, whoever starts them, and as `options` ask for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.checkout import Checkout
from tests.support.run import RUN_SECONDS

if TYPE_CHECKING:
    from tests.support.place import Place

pytestmark = pytest.mark.timeout(2 * RUN_SECONDS + 60)

TEST = """\
import json
from pathlib import Path

import psycopg
import pytest
from redis import Redis

SHOWN = (
    "timezone", "log_timezone", "datestyle", "default_text_search_config", "client_encoding", "server_encoding",
    "wal_level", "jit", "max_connections", "statement_timeout",
)


@pytest.mark.requires("postgres", "redis")
def test_settings(postgres_db, redis_db):
    # Of the client's own, libpq would tell the server.
    with psycopg.connect(postgres_db.url) as connection, Redis.from_url(redis_db.url) as client:
        told = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in SHOWN}
        told["lower"] = connection.execute("SELECT lower('ÄÉ')").fetchone()[0]
        order = connection.execute("SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,a,B,A}'::text[]) x")
        told["order"] = order.fetchone()[0]
        for name in ("maxmemory", "notify-keyspace-events", "save"):
            told |= client.config_get(name)
        client.rpush("list", "b", "B", "a")
        told["sorted"] = [word.decode() for word in client.sort("list", alpha=True)]
    Path("told.json").write_text(json.dumps(told))
"""

OPTIONS = """\
[tool.test_framework.tiers.integration]
services = ["postgres", "redis"]

[tool.test_framework.services.postgres]
options = { wal_level = "logical", jit = false, max_connections = 40, statement_timeout = "5s" }

[tool.test_framework.services.redis]
options = { maxmemory = "100mb", notify-keyspace-events = "KEA", save = "3600 7" }
"""

ELSEWHERE = {"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}
"""The shell of whoever starts the servers."""

EVERYWHERE = {
    "datestyle": "ISO, MDY",
    "default_text_search_config": "pg_catalog.english",
    "client_encoding": "UTF8",
    "server_encoding": "UTF8",
    "lower": "äé",
    "sorted": ["B", "a", "b"],
}


def told(checkout: Checkout, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a test that writes down what its servers are like."""
    checkout.write("tests/integration/test_services.py", TEST)
    checkout.start(env=env).passed()
    found: dict[str, Any] = json.loads((checkout.root / "told.json").read_text())
    return found


def test_they_are_as_the_settings_ask(place: Place, provider: str) -> None:
    """On Docker and embedded alike; the databases of tests are made all the same."""
    checkout = Checkout(place, provider)
    checkout.write("pyproject.toml", OPTIONS)
    found = told(checkout)
    wanted = {"wal_level": "logical", "jit": "off", "max_connections": "40", "statement_timeout": "5s"}
    wanted |= {"maxmemory": str(100 << 20), "save": "3600 7"}
    assert {name: found[name] for name in wanted} == wanted
    assert set(found["notify-keyspace-events"]) == set("AKE")


def test_they_are_as_official_images_whoever_starts_them(place: Place, provider: str) -> None:
    """Neither time zone nor language of a shell reaches them, nor what is kept for the next start."""
    checkout = Checkout(place, provider, env={"XDG_CACHE_HOME": str(place.path / "cache")})
    for env in (ELSEWHERE, {}):
        found = told(checkout, env)
        assert {name: found[name] for name in EVERYWHERE} == EVERYWHERE
        assert found["timezone"] in {"Etc/UTC", "UTC"}
        assert found["log_timezone"] in {"Etc/UTC", "UTC"}
        if provider == "embedded":
            # By the bytes, as the default image on Alpine; one on Debian goes by its own language.
            assert found["order"] == "ABab"


@pytest.mark.parametrize(
    ("service", "option", "words"),
    [
        ("postgres", 'wal_levle = "logical"', 'unrecognized configuration parameter "wal_levle"'),
        ("postgres", 'wal_level = "logicl"', 'invalid value for parameter "wal_level": "logicl"'),
        ("postgres", 'shared_preload_libraries = "pg_nothing"', 'could not access file "pg_nothing"'),
        # Redis 8 takes what it does not know for an option of a module.
        ("redis", "maxmemoryy = 1", "Bad directive or wrong number of arguments|Module Configuration detected"),
        ("redis", 'maxmemory = "much"', "argument must be a memory value"),
    ],
)
def test_an_option_that_the_server_refuses_is_named(
    place: Place, provider: str, service: str, option: str, words: str
) -> None:
    """With the server's own words; it is a mistake in the settings, and no other provider is tried."""
    checkout = Checkout(place, provider, (service,))
    checkout.write(
        "pyproject.toml", f"[tool.test_framework]\n[tool.test_framework.services.{service}]\noptions = {{ {option} }}\n"
    )
    run = checkout.run()
    found = run.attempt(service, provider)
    assert (found["code"], found["kind"]) == ("option-refused", "broken"), run.output
    assert re.search(words, found["message"])
    assert option.partition(" ")[0] in found["message"]
    assert f"pyproject.toml [tool.test_framework.services.{service}]" in found["message"]
    place.is_empty(containers=provider == "docker")
