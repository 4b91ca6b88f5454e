"""The fixtures of tests that run pytest on throw-away projects."""

from tests.support.engine import own_engine
from tests.support.fixtures import checkout, docker_env, place, provider

__all__ = ["checkout", "docker_env", "own_engine", "place", "provider"]
