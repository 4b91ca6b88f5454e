"""pytest-redis: the server that is there, emptied after each test."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from pytest_redis import factories

_AT = urlsplit(os.environ["SERVER"])
redis_noproc = factories.redis_noproc(host=_AT.hostname, port=_AT.port, password=_AT.password)
client = factories.redisdb("redis_noproc")
