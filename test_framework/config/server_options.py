"""`options` of Postgres and Redis: settings of the server, without those that undo what tests rely on."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.config.model import BadSetting
from test_framework.redaction import SECRET_NAME, hide_secrets, may_hold_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WANTED = "a string, a number, true or false"
_SECRET = "it may hold a secret, and every user of this machine can read the server's command line"  # noqa: S105  # no secret
_FILES = "the files of the server are in a temporary folder that is removed with it"
_TLS = "the server listens on this machine only, without TLS"
_LOG = "error messages quote what the server writes to standard output and standard error"
_ADDRESS = "the server listens on a free port that test-framework chooses"
_LOGIN = "tests log in as a user that test-framework creates, with a password for this server only"


@dataclass(frozen=True, slots=True)
class _Server:
    """How the options of one kind of server are spelt, and which are not the user's.

    Attributes:
        name: What the name of an option consists of, once it is spelt as the server spells it.
        yes: What true is.
        no: What false is.
        refused: Patterns of names, each with the reason why such an option is refused.
    """

    name: str
    yes: str
    no: str
    refused: Mapping[str, str]


_SERVERS = {
    "postgres": _Server(
        r"[a-z_][\w$]*(\.[a-z_][\w$]*)*",
        "on",
        "off",
        {
            r"port|listen_addresses|bonjour\w*": _ADDRESS,
            r"unix_socket_\w+": "the server has no Unix socket, because the system limits the length of its path",
            r"data_directory|(config|hba|ident|external_pid)_file": _FILES,
            r"ssl\w*": _TLS,
            r"db_user_namespace|role|session_authorization": _LOGIN,
            r"logging_collector|log_destination": _LOG,
            r"lc_messages": "test-framework recognizes errors by their English text",
            r"(dynamic_)?shared_memory_type": "its shared memory must be freed even if the server is killed",
            r"(default_)?transaction_read_only": "a database has to be created for each test",
            r"track_counts": "its counters show whether a test has changed its database",
            r"primary_conninfo": _SECRET,
        },
    ),
    "redis": _Server(
        r"[a-z][\w.-]*",
        "yes",
        "no",
        {
            r"port|bind|rdma-.*": _ADDRESS,
            r"unixsocket.*": "the server has no Unix socket, because the system limits the length of its path",
            r"dir|pidfile|include": _FILES,
            r"tls-.*": _TLS,
            r"user|aclfile|acl-pubsub-default|masteruser|protected-mode": _LOGIN,
            r"requirepass|masterauth": _SECRET,
            r"logfile|daemonize|supervised": _LOG,
            r"databases|cluster-enabled": "each test gets one of the 1024 databases of the server",
            r"rename-command": "test-framework needs these commands to find and remove the keys of tests",
            r"replicaof|slaveof|min-(replicas|slaves)-to-write": "tests must be able to write",
            r"timeout": "it would close the connection that assigns databases to tests",
        },
    ),
}


def checked(service: str, given: Mapping[str, object], source: str) -> dict[str, str]:
    """Return the options of a service as its server spells them.

    Args:
        service: Whose options they are.
        given: The options, each of any type that the settings can hold.
        source: Where they came from, for the error.

    Raises:
        BadSetting: One of them cannot be used.
    """
    options: dict[str, str] = {}
    for written, value in given.items():
        name = _name(service, written, source)
        if name in options:
            raise BadSetting(f"options in {source} has {name} twice.")
        options[name] = _value(service, written, value, source)
    return options


def _name(service: str, written: str, source: str) -> str:
    server = _SERVERS[service]
    # Postgres reads both on its command line, and neither server minds capitals.
    name = written.lower().replace("-", "_") if service == "postgres" else written.lower()
    if not re.fullmatch(server.name, name, re.ASCII):
        raise BadSetting.value("the name of an option", written, source, f"the name of a setting of {service}")
    why = next((why for names, why in server.refused.items() if re.fullmatch(names, name)), "")
    if not why and SECRET_NAME.fullmatch(re.sub(r"\W", "_", name)):
        why = _SECRET
    if why:
        raise BadSetting(f"option {written!r} in {source} cannot be set on a server that test-framework starts: {why}.")
    return name


def _value(service: str, name: str, value: object, source: str) -> str:
    key = f"options.{name}"
    if isinstance(value, dict):
        inner = next(iter(value), "name")
        raise BadSetting(f'{key} in {source} is a table. Write a name with a dot in quotes: "{name}.{inner}" = …')
    if isinstance(value, bool):
        return _SERVERS[service].yes if value else _SERVERS[service].no
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise BadSetting.value(key, value, source, _WANTED)
    text = str(value)
    if _CONTROL.search(text):
        raise BadSetting.value(key, text, source, "one line without control characters")
    if may_hold_secrets(text) and hide_secrets(text) != text:
        raise BadSetting(f"{key} in {source} cannot be set on a server that test-framework starts: {_SECRET}.")
    if service == "redis":
        _check_words(key, text, source)
    return text


def _check_words(key: str, text: str, source: str) -> None:
    """Refuse what Redis would not read as values of one setting, on its command line or in its configuration."""
    try:
        found = words(text)
    except ValueError as error:
        raise BadSetting.value(key, text, source, f"a valid value for redis.conf: {error}") from error
    if any(word.startswith("--") for word in found):
        raise BadSetting.value(
            key, text, source, "without words that start with --, because Redis reads them as other settings"
        )


def words(value: str) -> list[str]:
    """Return the words of a value of Redis, written as in redis.conf: several ones stand apart, or one is in quotes."""
    return shlex.split(value) or [""]
