"""The fixtures of tests that talk to engines of their own, or run pytest on throw-away projects."""

from tests.support.engines import home, net, ssh
from tests.support.engines_tls import tls
from tests.support.fixtures import checkout, docker_env, place, provider

__all__ = ["checkout", "docker_env", "home", "net", "place", "provider", "ssh", "tls"]
