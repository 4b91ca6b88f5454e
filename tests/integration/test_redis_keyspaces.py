"""Keyspaces of Redis: what a test may do in its own, what it may not do beside it, and what is noticed."""

from __future__ import annotations

import secrets
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
import redis as driver
from redis.exceptions import ConnectionError as Gone
from redis.exceptions import NoPermissionError, ResponseError

from test_framework import owner
from test_framework.contracts import Dedicated
from test_framework.plugin.session import KEY
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Refused
from test_framework.services._redis_databases import MOST_RETAINED, NumberedDatabases, url_for_database
from test_framework.services._redis_prefixes import PrefixedKeyspaces
from test_framework.supervisor.client import connect
from test_framework.supervisor.wire import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_framework.config import Settings
    from test_framework.contracts import IsolatedResource
    from test_framework.services._redis_databases import NumberedDatabase


@contextmanager
def opened(endpoint: Endpoint) -> Iterator[PrefixedKeyspaces]:
    """Hand out prefixes of a server; nothing is left there afterwards."""
    prefixes = PrefixedKeyspaces(endpoint)
    try:
        yield prefixes
    finally:
        prefixes._ours = False  # so that it takes back what it made
        prefixes.close()


@pytest.fixture
def prefixes(redis: Endpoint) -> Iterator[PrefixedKeyspaces]:
    """Hand out prefixes of the server of this run."""
    with opened(redis) as prefixes:
        yield prefixes


@pytest.fixture
def admin(redis: Endpoint) -> Iterator[driver.Redis]:
    """Connect to the server of this run as one who may do all."""
    with driver.Redis.from_url(redis.url) as client:
        yield client


def checkout(prefixes: PrefixedKeyspaces) -> IsolatedResource:
    """Return the next prefix."""
    isolated = prefixes.checkout((), "run", {})
    assert isolated.endpoint.prefix
    return isolated


@pytest.fixture
def two(prefixes: PrefixedKeyspaces) -> Iterator[tuple[driver.Redis, driver.Redis, str]]:
    """Return two clients with a prefix each, and the prefix of the second, under which it has some keys."""
    mine, other = checkout(prefixes).endpoint, checkout(prefixes).endpoint
    with driver.Redis.from_url(mine.url) as client, driver.Redis.from_url(other.url) as second:
        second.set(f"{other.prefix}text", "untouched")
        second.rpush(f"{other.prefix}list", 1, 2)
        yield client, second, other.prefix


def users(admin: driver.Redis) -> list[str]:
    """Return the users of the server."""
    return [str(name) for name in admin.acl_users()]


def raw(client: driver.Redis, *command: object) -> object:
    """Send a command as it is."""
    return client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has no types for it


def listener_of(client: driver.Redis) -> driver.client.PubSub:
    """Return what can subscribe."""
    listener: driver.client.PubSub = client.pubsub()  # type: ignore[no-untyped-call]  # redis-py has no types for it
    return listener


REFUSED: dict[str, Callable[[driver.Redis, str], object]] = {
    "read": lambda client, other: client.get(f"{other}text"),
    "look for": lambda client, other: client.exists(f"{other}text"),
    "write": lambda client, other: client.set(f"{other}text", "x"),
    "delete": lambda client, other: client.delete(f"{other}text"),
    "let expire": lambda client, other: client.expire(f"{other}text", 1),
    "rename": lambda client, other: client.rename(f"{other}text", f"{other}next"),
    "watch": lambda client, other: raw(client, "WATCH", f"{other}text"),
    "block on": lambda client, other: client.blpop([f"{other}list"], 1),
    "read by script": lambda client, other: client.eval(f"return redis.call('GET', '{other}text')", 0),
    "write by script": lambda client, other: client.eval("return redis.call('SET', KEYS[1], 1)", 1, f"{other}text"),
    "sort by": lambda client, other: client.sort(f"{other}list"),
    "flush the database": lambda client, _: client.flushdb(),
    "flush all": lambda client, _: client.flushall(),
    "swap": lambda client, _: client.swapdb(0, 1),
    "select": lambda client, _: raw(client, "SELECT", 1),
    "copy elsewhere": lambda client, other: raw(client, "COPY", "a", f"{other}a"),
    "list keys": lambda client, _: client.keys("*"),
    "scan": lambda client, _: client.scan(),
    "count keys": lambda client, _: client.dbsize(),
    "take any": lambda client, _: client.randomkey(),
    "publish": lambda client, other: client.publish(f"{other}news", "x"),
    "list channels": lambda client, _: client.pubsub_channels(),
    "change the server": lambda client, _: client.config_set("maxmemory", "0"),
    "make a user": lambda client, _: client.acl_setuser("other"),
    "flush scripts": lambda client, _: client.script_flush(),
    "kill clients": lambda client, _: client.client_kill_filter(_type="normal"),
    "list clients": lambda client, _: client.client_list(),
    "watch all": lambda client, _: raw(client, "MONITOR"),
    "shut down": lambda client, _: raw(client, "SHUTDOWN", "NOSAVE"),
}


@pytest.mark.parametrize("way", REFUSED)
def test_a_prefix_cannot_be_left(two: tuple[driver.Redis, driver.Redis, str], way: str) -> None:
    """The server itself refuses it, and nothing of the other prefix has changed."""
    client, second, other = two
    with pytest.raises(ResponseError, match=r"(?i)no permissions|NOPERM|can't access|ACL failure"):
        REFUSED[way](client, other)
    assert second.get(f"{other}text") == b"untouched"
    assert second.lrange(f"{other}list", 0, -1) == [b"1", b"2"]


@pytest.mark.parametrize("command", ["FUNCTION LOAD", "FUNCTION FLUSH"])
def test_a_prefix_has_no_functions_of_its_own(prefixes: PrefixedKeyspaces, redis: Endpoint, command: str) -> None:
    """They belong to the server, where there are any."""
    old = int(str(redis.version).partition(".")[0]) < 7
    refusal = pytest.raises(ResponseError if old else NoPermissionError)
    with driver.Redis.from_url(checkout(prefixes).endpoint.url) as client, refusal:
        raw(client, *command.split(), "x")


def test_a_prefix_cannot_be_listened_to(two: tuple[driver.Redis, driver.Redis, str]) -> None:
    """Neither by a channel's name, nor by a pattern that reaches it."""
    client, _, other = two
    for command in ("SUBSCRIBE", "PSUBSCRIBE"):
        for what in (f"{other}news", "*", f"{other}*"):
            with pytest.raises(NoPermissionError):
                raw(client, command, what)


def test_what_a_prefix_can_do(prefixes: PrefixedKeyspaces) -> None:
    """Keys, transactions, scripts, blocking, channels, and what clients ask of a server when they connect."""
    endpoint = checkout(prefixes).endpoint
    key = f"{endpoint.prefix}key"
    with driver.Redis.from_url(endpoint.url, client_name="named") as client:
        client.set(key, 1)
        client.pipeline(transaction=True).incr(key).expire(key, 60).execute()
        assert client.register_script("return redis.call('GET', KEYS[1])")(keys=[key]) == b"2"
        assert client.script_exists(client.script_load("return 1")) == [True]
        client.lpush(f"{key}s", 1)
        assert client.blpop([f"{key}s"], 1) == (f"{key}s".encode(), b"1")
        client.xadd(f"{key}stream", {"a": 1})
        assert "redis_version" in dict(client.info("server"))
        with listener_of(client) as listener:
            listener.subscribe(f"{endpoint.prefix}news")
            assert listener.get_message(timeout=5)["type"] == "subscribe"
            client.publish(f"{endpoint.prefix}news", "hello")
            assert listener.get_message(timeout=5)["data"] == b"hello"


def test_a_prefix_leaves_nothing(prefixes: PrefixedKeyspaces, admin: driver.Redis) -> None:
    """When it is given back its keys are gone, its user, and who is still connected; what is beside it stays."""
    isolated = checkout(prefixes)
    prefix = isolated.endpoint.prefix
    beside = f"beside-{secrets.token_hex(4)}"
    admin.set(beside, 1, ex=60)
    with driver.Redis.from_url(isolated.endpoint.url) as client:
        with client.pipeline(transaction=False) as pipeline:
            for number in range(3000):
                pipeline.set(f"{prefix}{number}", number)
            pipeline.execute()
        prefixes.give_back(isolated, retain=False)
        with pytest.raises((Gone, driver.AuthenticationError)):
            client.get(f"{prefix}1")
    assert list(admin.scan_iter(f"{prefix}*", count=5000)) == []
    assert isolated.name not in users(admin)
    assert admin.delete(beside) == 1


def test_prefixes_without_end(prefixes: PrefixedKeyspaces) -> None:
    """More at once than a server has databases, each with its own keys."""
    with ExitStack() as stack:
        for number in range(1500):
            endpoint = checkout(prefixes).endpoint
            if number % 100 == 0:
                client = stack.enter_context(driver.Redis.from_url(endpoint.url))
                assert client.set(f"{endpoint.prefix}same", number, nx=True)


def test_of_those_kept_the_oldest_goes(prefixes: PrefixedKeyspaces, admin: driver.Redis) -> None:
    """A kept one can be looked at with its URL; they are bounded in number."""
    kept = [checkout(prefixes) for _ in range(MOST_RETAINED + 1)]
    for isolated in kept:
        with driver.Redis.from_url(isolated.endpoint.url) as client:
            client.set(f"{isolated.endpoint.prefix}evidence", 1)
        prefixes.give_back(isolated, retain=True)
    assert [isolated.name in users(admin) for isolated in kept] == [False] + [True] * MOST_RETAINED
    with driver.Redis.from_url(kept[1].endpoint.url) as client:
        assert client.get(f"{kept[1].endpoint.prefix}evidence") == b"1"


def test_a_server_of_somebody_elses_is_left_as_it_was(
    redis: Endpoint, admin: driver.Redis, near: Callable[[str], str]
) -> None:
    """What is out or kept when the run ends goes too; and so does what a killed run has left, but no living one's."""
    living = f"{owner.prefix_of('tf_')}999999"
    dead = living.replace(f"tf_{owner.MARK}", "tf_1_1")
    for name in (dead, living):
        admin.acl_setuser(name, enabled=True, nopass=True)
        admin.set(f"{name}:left", 1, ex=60)
    # Only on this machine can it be known who lives: the server is brought near, wherever it runs.
    with opened(replace(redis, provider="explicit", url=near(redis.url))) as prefixes:
        assert dead not in users(admin)
        made = [checkout(prefixes) for _ in range(3)]
        for isolated in made:
            admin.set(f"{isolated.endpoint.prefix}key", 1)
        prefixes.give_back(made[0], retain=True)
    assert {isolated.name for isolated in made} & {*users(admin)} == set()
    assert [admin.exists(f"{name}:left") for name in (dead, living)] == [0, 1]
    assert admin.exists(*(f"{isolated.endpoint.prefix}key" for isolated in made)) == 0
    admin.delete(f"{living}:left")
    assert admin.acl_deluser(living) == 1


def test_a_server_that_lets_us_make_no_user(prefixes: PrefixedKeyspaces, redis: Endpoint) -> None:
    """The reason names what is wrong and the other way to isolate, and no password."""
    lowly = checkout(prefixes).endpoint
    with opened(replace(redis, url=lowly.url)) as refusing, pytest.raises(Refused) as caught:
        checkout(refusing)
    assert caught.value.reason.code is Code.ISOLATION_FAILED
    assert 'isolation = "database"' in caught.value.reason.remedy
    assert "permission" in caught.value.reason.message
    assert ">" not in caught.value.reason.message


def test_a_server_that_is_too_old(redis: Endpoint) -> None:
    """Before 6.2 a user could not be held to channels."""
    with pytest.raises(Refused) as caught:
        PrefixedKeyspaces(replace(redis, version="6.0.16"))
    assert caught.value.reason.message.endswith("version 6.0.16 is older than 6.2")


def test_a_server_that_depends_on_it_has_a_whole_database(prefixes: PrefixedKeyspaces) -> None:
    """It knows of no prefix."""
    isolated = prefixes.checkout((), "run", {}, skip_template=True)
    assert not isolated.endpoint.prefix
    with driver.Redis.from_url(isolated.endpoint.url) as client:
        client.set("any", 1)
        prefixes.give_back(isolated, retain=False)
        assert client.dbsize() == 0


@pytest.fixture(scope="module")
def alone(request: pytest.FixtureRequest, framework_settings: Settings, redis: Endpoint) -> Iterator[Endpoint]:
    """Return a server that no other worker's tests use meanwhile: they have numbered databases too."""
    if redis.provider == "explicit":
        pytest.skip("a server that is not ours is used by others, too")
    overrides = request.config.stash[KEY].overrides
    with closing(connect(framework_settings, overrides, uuid4().hex, lambda _: None)) as client:
        want = replace(ServiceRequest.of("redis", framework_settings, "integration"), dedicated=Dedicated())
        endpoint = client.resolve(want).endpoint
        assert endpoint
        yield endpoint
        client.end_dedicated()


@pytest.fixture
def numbers(alone: Endpoint) -> Iterator[Callable[..., NumberedDatabases]]:
    """Return what hands out numbered databases of an empty server, of ours or of somebody else's."""
    made: list[NumberedDatabases] = []

    def begin(provider: str = "explicit") -> NumberedDatabases:
        made.append(NumberedDatabases(replace(alone, provider=provider)))
        return made[-1]

    with at(alone, 0) as client:
        client.flushall()
    yield begin
    for databases in made:
        databases.close()


def at(endpoint: Endpoint, number: int | str) -> driver.Redis:
    """Connect to a numbered database of a server."""
    return driver.Redis.from_url(url_for_database(endpoint.url, int(number)))


def numbered(databases: NumberedDatabases) -> NumberedDatabase:
    """Return the next one."""
    return databases.checkout((), "run", {})


def test_a_database_with_keys_is_not_handed_out(numbers: Callable[..., NumberedDatabases], alone: Endpoint) -> None:
    """Whose they are nobody knows: they stay, and the next database is taken."""
    with at(alone, 1) as client:
        client.set("somebody's", 1)
        databases = numbers()
        isolated = numbered(databases)
        databases.give_back(isolated, retain=False)
        assert (isolated.name, client.get("somebody's")) == ("2", b"1")


def test_two_runs_have_different_databases(numbers: Callable[..., NumberedDatabases], alone: Endpoint) -> None:
    """What the one has is claimed on the server, for a while, so that one that is killed does not hold it for ever."""
    one, other = numbered(numbers()), numbered(numbers())
    assert (one.name, other.name) == ("1", "2")
    with at(alone, 0) as client:
        assert all(0 < int(client.ttl(f"test_framework:claim:{n}")) <= 24 * 3600 for n in (1, 2))


def test_a_database_that_was_given_back_can_be_had_again(
    numbers: Callable[..., NumberedDatabases], alone: Endpoint
) -> None:
    """However often, empty each time, and nobody claims it in between."""
    databases = numbers()
    for _ in range(40):
        isolated = numbered(databases)
        with driver.Redis.from_url(isolated.endpoint.url) as client:
            assert client.dbsize() == 0
            client.set("mine", 1)
        databases.give_back(isolated, retain=False)
    with at(alone, 0) as client:
        assert client.info("keyspace") == {}


def test_a_server_of_somebody_elses_is_not_emptied(numbers: Callable[..., NumberedDatabases], alone: Endpoint) -> None:
    """When no run is left, what is beside the tests' databases may be anybody's there."""
    with at(alone, 3) as client:
        client.set("somebody's", 1)
        numbers().tidy()
        assert client.get("somebody's") == b"1"
        numbers("embedded").tidy()
        assert client.get("somebody's") is None


def test_more_keys_than_before_are_noticed(numbers: Callable[..., NumberedDatabases], alone: Endpoint) -> None:
    """Also in a database that had some; which of them are new is not known there."""
    with at(alone, 0) as client:
        client.set("there", 1)
        databases = numbers("embedded")
        isolated = numbered(databases)
        client.set("more", 1)
        assert databases.leaked(isolated) == ["database 0 has 1 new key"]


def test_fewer_keys_than_before_are_no_change(numbers: Callable[..., NumberedDatabases], alone: Endpoint) -> None:
    """They may have expired."""
    with at(alone, 0) as client:
        client.mset({"there": 1, "soon gone": 1})
        databases = numbers("embedded")
        isolated = numbered(databases)
        client.delete("soon gone")
        assert databases.leaked(isolated) == []


def test_a_command_that_was_refused_is_no_change(numbers: Callable[..., NumberedDatabases], alone: Endpoint) -> None:
    """It has reached no other test's database."""
    databases = numbers("embedded")
    isolated = numbered(databases)
    with at(alone, 0) as client, pytest.raises(ResponseError):
        client.swapdb(1, 99_999)
    assert databases.leaked(isolated) == []


def test_keys_in_a_database_that_is_out_are_no_change(numbers: Callable[..., NumberedDatabases]) -> None:
    """They are those of the test that has it."""
    databases = numbers("embedded")
    mine, other = numbered(databases), numbered(databases)
    with driver.Redis.from_url(other.endpoint.url) as client:
        client.set("theirs", 1)
    assert databases.leaked(mine) == []


def test_of_databases_that_are_kept_the_oldest_goes(redis: Endpoint) -> None:
    """It is empty then, and can be had again."""
    databases = NumberedDatabases(replace(redis, provider="explicit"))
    held = [databases.checkout((), "run", {}) for _ in range(MOST_RETAINED + 1)]
    with ExitStack() as stack:
        clients = [stack.enter_context(driver.Redis.from_url(each.endpoint.url)) for each in held]
        for each, client in zip(held, clients, strict=True):
            client.set("evidence", 1)
            databases.give_back(each, retain=True)
        assert [client.dbsize() for client in clients] == [0] + [1] * MOST_RETAINED
        for each in held[1:]:
            databases._flush(int(each.name))
    databases.close()


@pytest.mark.parametrize(
    ("url", "login", "wanted"),
    [
        ("redis://:old@h:1/0", "", "redis://:old@h:1/7"),
        ("redis://:old@h:1/0", "u:p", "redis://u:p@h:1/7"),
        ("rediss://h?ssl_cert_reqs=none", "u:p", "rediss://u:p@h/7?ssl_cert_reqs=none"),
        ("unix:///run/r.sock?db=1&password=old", "", "unix:///run/r.sock?password=old&db=7"),
        ("unix:///run/r.sock?db=1&password=old", "u:p", "unix://u:p@/run/r.sock?db=7"),
    ],
)
def test_the_url_of_a_database(url: str, login: str, wanted: str) -> None:
    """Whatever the server's own looks like, and with another login where there is one."""
    assert url_for_database(url, 7, login) == wanted


def test_a_database_of_another_server_is_the_same_url(redis: Endpoint, redis_db: Endpoint) -> None:
    """Only the path differs."""
    one, other = urlsplit(redis.url), urlsplit(redis_db.url)
    assert urlunsplit(one._replace(path="")) == urlunsplit(other._replace(path=""))
