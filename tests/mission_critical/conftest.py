"""The fixtures of tests that run pytest on throw-away projects."""

from tests.support.engine import own_engine
from tests.support.fixtures import checkout, docker_env, docker_place, embedded_place, place, provider

__all__ = ["checkout", "docker_env", "docker_place", "embedded_place", "own_engine", "place", "provider"]
