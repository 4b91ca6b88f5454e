"""The fixtures of tests that talk to engines of their own, to browsers, and to whole runs of our own commands."""

from tests.support.browser import browser
from tests.support.custom_services import images
from tests.support.databases import undisturbed
from tests.support.engine import own_engine
from tests.support.engines import home, net, ssh
from tests.support.engines_tls import tls
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
from tests.support.installers import each_installer
from tests.support.remote_engine import remote_machine, remote_place

__all__ = [
    "browser",
    "checkout",
    "docker_env",
    "docker_here",
    "docker_place",
    "each_installer",
    "embedded_place",
    "here",
    "home",
    "images",
    "near",
    "net",
    "own_engine",
    "place",
    "provider",
    "remote_machine",
    "remote_place",
    "ssh",
    "tls",
    "undisturbed",
]
