"""What a command reads of its servers: the usual variables, and names of the user's own by a template."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.config import BadSetting, CustomServiceSettings
from test_framework.config.fields import OF_A_SERVICE, Parts, fill, parse
from test_framework.reach import urls
from test_framework.reach.libpq import REDIRECTING_VARIABLES, SECURITY_VARIABLES
from test_framework.reach.urls import SERVER_PORTS
from test_framework.version import numbers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from test_framework.config import Settings
    from test_framework.resolution import Endpoint

_USUAL = {
    # libpq reads all but the first: https://www.postgresql.org/docs/current/libpq-envars.html
    "postgres": {
        "DATABASE_URL": "url",
        "PGHOST": "host",
        "PGPORT": "port",
        "PGUSER": "user",
        "PGPASSWORD": "password",
        "PGDATABASE": "database",
    },
}

_REDIS_USERS = 6
"""The version of Redis from which a URL may name a user."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Template:
    """The value of a variable, with fields such as `{postgres.host}`; `{{` and `}}` stand for braces.

    Attributes:
        name: The variable.
        parts: Pairs of text and the field that follows it; None at the end.
    """

    name: str
    parts: Parts

    @classmethod
    def of(cls, text: str, services: Iterable[str]) -> Template:
        """Read `NAME=TEMPLATE`.

        Args:
            text: What the command line says.
            services: Those that a field may be of.

        Raises:
            BadSetting: It has no name, a brace is not closed, or a field is not known; what may hold a secret is not
                shown, and without a name that is all of it.
        """
        name, equals, value = text.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise BadSetting.value(
                "--env", "***" if name else "", "the command line", "NAME=TEMPLATE, with a name of letters, digits, _"
            )
        known = [f"{service}.{field}" for service in services for field in OF_A_SERVICE]
        return cls(name, parse(value, f"--env {name}", known))

    def fill(self, values: Mapping[str, Mapping[str, str]]) -> str:
        """Return the value; `values` has the fields by service."""
        return fill(self.parts, {f"{name}.{field}": told[field] for name, told in values.items() for field in told})


def ports_of(settings: Settings) -> dict[str, int]:
    """Return the port of each service whose URL may leave it out."""
    custom = {name: table.port for name, table in settings.services.items() if isinstance(table, CustomServiceSettings)}
    return SERVER_PORTS | {name: port for name, port in custom.items() if port}


def fields_of(endpoint: Endpoint, ports: Mapping[str, int] = SERVER_PORTS) -> dict[str, str]:
    """Return the fields of an endpoint, with its password; what the URL does not say is empty.

    `ports` are those of URLs that name none, by service.
    """
    return urls.fields_of(endpoint.service, _with_user(endpoint), ports)


def _with_user(endpoint: Endpoint) -> str:
    """Return the URL, and where it is that of a Redis of ours, with the name of the user that has the password.

    Without it redis-cli logs in as a user whose name is empty; before version 6 there are no users.
    """
    if endpoint.provider == "explicit" or endpoint.service != "redis":
        return endpoint.url
    users = numbers_of(endpoint.version or "") >= (_REDIS_USERS,)
    return endpoint.url.replace("redis://:", "redis://default:", 1) if users else endpoint.url


def environment(
    env: Mapping[str, str],
    endpoints: Mapping[str, Endpoint],
    templates: Iterable[Template],
    ports: Mapping[str, int] = SERVER_PORTS,
) -> dict[str, str]:
    """Return the environment of the command.

    Args:
        env: Ours; what in it would lead a client to another server is left out.
        endpoints: By service.
        templates: Of variables that are set besides the usual ones, and over them.
        ports: See `fields_of`.
    """
    made = dict(env)
    values = {service: fields_of(endpoint, ports) for service, endpoint in endpoints.items()}
    if "postgres" in endpoints:
        ours = endpoints["postgres"].provider != "explicit"
        for name in env:
            if name in REDIRECTING_VARIABLES or (ours and SECURITY_VARIABLES.match(name)):
                del made[name]
    for service, fields in values.items():
        made |= {name: fields[field] for name, field in _usual(service).items()}
    return made | {template.name: template.fill(values) for template in templates}


def _usual(service: str) -> Mapping[str, str]:
    return _USUAL.get(service) or {f"{service.upper()}_{field.upper()}": field for field in ("url", "host", "port")}
