"""The machine and the versions that figures hold for."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import psutil

from test_framework.providers.docker.probe import probe
from test_framework.resolution import Refused
from tests.performance.measuring import run

if TYPE_CHECKING:
    from tests.performance.bench import Bench

__all__ = ["described", "machine"]

_PACKAGES = (
    "pytest",
    "pytest-xdist",
    "testcontainers",
    "pytest-postgresql",
    "pytest-databases",
    "pytest-docker",
    "pytest-html",
    "py-pglite",
    "pytest-redis",
)
_GB = 1 << 30
_DOCTOR = (sys.executable, "-m", "test_framework", "doctor", "--json")
_DOCTOR_SECONDS = 30.0


def machine(*packages: str) -> dict[str, str]:
    """Return what there is, and the versions of these packages, by name."""
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / _GB:.0f} GB",
        "system": platform.system(),
        "Python": platform.python_version(),
    }
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def described(bench: Bench) -> dict[str, str]:
    """Return what there is, with the services that ours can be measured on and the alternatives."""
    found = machine()
    for provider in ("embedded", "docker"):
        env = {**bench.env, "TEST_FRAMEWORK_PROVIDERS": provider}
        told = json.loads(run(_DOCTOR, bench.place.path, env, _DOCTOR_SECONDS)[1])["services"]
        for service in ("postgres", "redis"):
            attempt = next(a for a in told[service]["attempts"] if a["provider"] == provider)
            found[f"{provider} {service}"] = told[service]["version"] or attempt["code"] or bench.image(service)
    try:
        engine = probe(os.environ)
        found[engine.product] = engine.version
    except Refused as refused:
        found["Docker"] = refused.reason.code
    return found | machine(*_PACKAGES)
