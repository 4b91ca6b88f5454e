"""pytest-postgresql: a clone of its template for each test, on the server that is there."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from pytest_postgresql import factories
from shared import SCHEMA

_AT = urlsplit(os.environ["SERVER"])
postgresql_noproc = factories.postgresql_noproc(
    host=_AT.hostname, port=_AT.port, user=_AT.username, password=_AT.password, load=[SCHEMA]
)
connection = factories.postgresql("postgresql_noproc")
