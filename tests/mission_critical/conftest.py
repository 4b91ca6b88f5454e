"""The fixtures of tests that run pytest on throw-away projects, and of tests that are users of the backend."""

from tests.support.engine import own_engine
from tests.support.fixtures import checkout, docker_env, docker_place, embedded_place, place, provider
from tests.support.users import deployment, event_schema, recorder, user

__all__ = [
    "checkout",
    "deployment",
    "docker_env",
    "docker_place",
    "embedded_place",
    "event_schema",
    "own_engine",
    "place",
    "provider",
    "recorder",
    "user",
]
