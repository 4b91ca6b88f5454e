"""The backend under test: the reference backend, on a database and a keyspace of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework import net
from test_framework.contracts import Binary, Command, ContainerSpec, Launch, RunAs
from test_framework.inherited import inherited
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused
from test_framework.services._binaries import choose, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.config import Settings
    from test_framework.contracts import Databases

__all__ = ["SERVICE", "Backend"]

_PORT = 8000
_PREFIX = "BACKEND_"
_PACKAGE = "reference_backend"
_PROGRAM = "reference-backend"
_INSTALL = "pip install ./compose/backend, or set TEST_FRAMEWORK_BACKEND_URL to a backend that runs"
_OK = 200


class Backend:
    """See `contracts.Service`."""

    name = "backend"
    default_image = ""
    schemes = ("http", "https")
    staging_variable = "STAGING_BACKEND_URL"
    runs_as_root = True
    needs = ("postgres", "redis")
    supports_isolation = False
    modules = ()

    def container(self, launch: Launch) -> ContainerSpec:
        """Return the contract of the image that compose/backend/Dockerfile makes."""
        return ContainerSpec(port=_PORT, url="http://{host}:{port}", env=_environment(launch))

    def find_binary(self, wanted_major: str, env: Mapping[str, str]) -> Binary:
        """Return this Python, where the package is installed in it, else the program on the PATH."""
        spec = find_spec(_PACKAGE)
        if spec and spec.origin:
            # A folder of that name is no installation.
            with suppress(PackageNotFoundError):
                origin = f"the package {_PACKAGE}"
                return Binary(Path(sys.executable), version(_PROGRAM), origin, _build(Path(spec.origin).parent))
        found = shutil.which(_PROGRAM, path=env.get("PATH"))
        binary = choose([(Path(found), "PATH")] if found else [], wanted_major)
        if binary is None:
            raise missing(_PROGRAM, _PACKAGE, _INSTALL)
        return binary

    def prepare(self, binary: Binary, folder: Path, port: int, launch: Launch, run: RunAs) -> Command:
        """Return the command; what it connects to goes through the environment, which only its user can read."""
        module = ("-m", _PACKAGE) if binary.path == Path(sys.executable) else ()
        return Command(
            argv=(str(binary.path), *module, "serve", "--host", "127.0.0.1", "--port", str(port)),
            url=f"http://127.0.0.1:{port}",
            # Of our interpreter's variables, the place of the package is one.
            env={**inherited(os.environ, "PYTHON*"), **_environment(launch)},
        )

    def check(self, url: str, source: str, seconds: float, env: Mapping[str, str]) -> str:
        """Ask whether it is ready, with all that it needs, and return its version."""
        base, bundle = url.rstrip("/"), env.get("STAGING_CA_BUNDLE")
        status, body = net.fetch(f"{base}/health/ready", source, seconds, bundle=bundle)
        if status != _OK:
            raise Refused(
                Reason.of(Code.HTTP_ERROR, url=f"{base}/health/ready", status=f"{status}{_why(body)}", source=source)
            )
        status, body = net.fetch(f"{base}/health/live", source, seconds, bundle=bundle)
        try:
            return str(json.loads(body)["version"])
        except (ValueError, KeyError, TypeError):
            parts = urlsplit(url)
            where = {"host": parts.hostname, "port": parts.port or parts.scheme, "source": source}
            error = f"/health/live answers {status} and names no version"
            raise Refused(Reason.of(Code.WRONG_SERVICE, service=self.name, error=error, **where)) from None

    def databases(self, endpoint: Endpoint, folder: Path, settings: Settings) -> Databases:
        """Never called: tests are isolated in a backend by users of their own, so no fixture asks for a part."""
        raise AssertionError("a backend has no parts to hand out")


def _environment(launch: Launch) -> dict[str, str]:
    """Return the variables of a backend for tests; what the client says with BACKEND_ variables counts more."""
    handed = {name: value for name, value in launch.env.items() if name.startswith(_PREFIX)}
    return {
        # With the development identity provider, which the OAuth exchange needs.
        "BACKEND_ENVIRONMENT": "development",
        "BACKEND_SECRET_KEY": secrets.token_urlsafe(32),
        "BACKEND_SHUTDOWN_SECONDS": "1",
        # The least that is allowed: tests hash many passwords.
        "BACKEND_ARGON2_MEMORY_KIB": "8192",
        "BACKEND_ARGON2_ITERATIONS": "1",
        **handed,
        "DATABASE_URL": launch.needs["postgres"],
        "REDIS_URL": launch.needs["redis"],
        # One that the user's shell knows may be anybody's.
        "CLICKHOUSE_URL": "",
    }


def _build(package: Path) -> str:
    """Return what changes when somebody edits the package, so that a warm server does not outlive the edit."""
    newest = max(path.stat().st_mtime_ns for path in package.rglob("*.py"))
    return f"{package} {newest}"


def _why(body: bytes) -> str:
    """Return what is down, from the body of /health/ready."""
    try:
        reasons = json.loads(body)["reasons"]
        return ": " + "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


SERVICE = Backend()
