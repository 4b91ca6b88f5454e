"""Versions: which one is asked for, which one is the nearest, and how Valkey's is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.config import BadSetting, load
from test_framework.image_name import image_of_version
from test_framework.services._binaries import beside_the_path, choose
from test_framework.version import distance, major_of, newest_first, satisfies, valkey

if TYPE_CHECKING:
    from pathlib import Path

VALKEY_9 = valkey("9.1.2")


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("17.11", "17", True),
        ("17.11", "17.11", True),
        ("17.11", "17.1", False),
        ("17.2", "17.11", False),
        ("17", "17.11", False),
        ("16.15", "17", False),
        ("18beta1", "18", True),
        (VALKEY_9, "9", False),
        (VALKEY_9, "valkey 9", True),
        ("9.0.1", "valkey 9", False),
        (VALKEY_9, "", True),
        ("", "17", False),
    ],
)
def test_what_satisfies_a_version(version: str, wanted: str, *, expected: bool) -> None:
    """A version is one of what was asked for when it begins with all of its numbers, and is of the same product."""
    assert satisfies(version, wanted) is expected


@pytest.mark.parametrize(
    ("wanted", "there", "nearest"),
    [
        ("17", ["14.23", "18.6", "15.19"], "18.6"),
        ("17", ["16.15", "18.6"], "18.6"),
        ("17.11", ["18.1", "17.2", "17.9"], "17.9"),
        ("8", [VALKEY_9, "6.2.14"], "6.2.14"),
        ("valkey 8", ["8.2.3", VALKEY_9], VALKEY_9),
    ],
)
def test_the_nearest_version(wanted: str, there: list[str], nearest: str) -> None:
    """The product counts most, then the major version; of two as near, the newer one is taken."""
    assert min(there, key=lambda version: distance(version, wanted)) == nearest


def test_how_the_version_of_valkey_is_told() -> None:
    """It names the product, and the Redis in whose place it can stand."""
    assert valkey("9.1.2", "7.2.4") == VALKEY_9 == "valkey 9.1.2 (Redis 7.2 compatible)"
    assert (major_of(VALKEY_9), major_of("17.11"), major_of("unknown")) == ("valkey 9", "17", "")
    assert sorted(["9.9", "10.1", "9.10"], key=newest_first) == ["10.1", "9.10", "9.9"]


def program(folder: Path, name: str, says: str) -> Path:
    """Write a program that says its version."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("wanted", "chosen"), [("", "a"), ("15", "a"), ("17", "c"), ("17.9", "b"), ("17.4", "b"), ("19", "d"), ("13", "a")]
)
def test_the_program_of_the_version_asked_for_comes_first(tmp_path: Path, wanted: str, chosen: str) -> None:
    """Wherever it is; else the nearest, and not the first."""
    versions = {"a": "15.19", "c": "17.11", "b": "17.9", "d": "18.6"}
    there = [(program(tmp_path, name, f"postgres (PostgreSQL) {v}"), name) for name, v in versions.items()]
    found = choose([(tmp_path / "gone", "nowhere"), *there], wanted)
    assert found is not None
    assert (found.origin, found.version) == (chosen, versions[chosen])


def test_where_packages_put_programs_the_newest_comes_first(tmp_path: Path) -> None:
    """By the number in the name of the folder, and not by its letters."""
    for version in "9", "17", "16":
        program(tmp_path, f"postgresql@{version}/bin/postgres", version)
    found = list(beside_the_path({f"{tmp_path}/postgresql@*/bin/postgres": "Homebrew"}))
    assert [path.parts[-3] for path, _ in found] == ["postgresql@17", "postgresql@16", "postgresql@9"]
    assert {origin for _, origin in found} == {"Homebrew"}


@pytest.mark.parametrize(
    ("service", "version"),
    [
        ("postgres", "seventeen"),
        ("postgres", "17."),
        ("postgres", "v17"),
        ("postgres", "valkey 9"),
        ("redis", "redis 8"),
    ],
)
def test_a_version_that_is_none_is_refused(tmp_path: Path, service: str, version: str) -> None:
    """The error names it, the variable and what a version is like."""
    variable = f"TEST_FRAMEWORK_{service.upper()}_VERSION"
    with pytest.raises(BadSetting, match=f"version = '{version}' in {variable} must be a version, such as"):
        load(tmp_path, {variable: version})


@pytest.mark.parametrize(
    ("image", "version", "expected"),
    [
        ("postgres:17-alpine", "", "postgres:17-alpine"),
        ("postgres:17-alpine", "16.15", "postgres:16.15-alpine"),
        ("redis:8-alpine", "valkey 9", "valkey/valkey:9-alpine"),
        ("", "2", ""),
    ],
)
def test_the_default_image_is_of_the_version_asked_for(image: str, version: str, expected: str) -> None:
    """Docker gives what was asked for too."""
    assert image_of_version(image, version) == expected
