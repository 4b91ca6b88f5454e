"""The fixtures of tests that run pytest on throw-away projects, on each provider that starts servers."""

from tests.support.databases import undisturbed
from tests.support.fixtures import (
    checkout,
    docker_env,
    docker_here,
    docker_place,
    embedded_place,
    here,
    near,
    place,
    provider,
)
from tests.support.supervisors import supervisor

__all__ = [
    "checkout",
    "docker_env",
    "docker_here",
    "docker_place",
    "embedded_place",
    "here",
    "near",
    "place",
    "provider",
    "supervisor",
    "undisturbed",
]
