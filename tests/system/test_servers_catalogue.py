"""Newer releases of server programs are proposed as a diff of the catalogue, from a package index of the test's own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from test_framework.store import catalogue
from tests import servers_catalogue
from tests.support.installers import own_store, use_pip
from tests.support.package_index import Index, Wheel, catalogue_of, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not catalogue.this_machine().since, reason="no program is for this C library")

OLD = [Wheel(version="17.98"), Wheel(version="16.97"), Wheel(service="redis", version="8.98")]
NEW = [Wheel(version="17.99"), Wheel(service="redis", version="9.1")]


@pytest.fixture
def index() -> Iterator[Index]:
    """Return an index with what the catalogue knows, and with newer releases."""
    with serving(Index([*OLD, *NEW])) as served:
        yield served


@pytest.fixture(autouse=True)
def known(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a catalogue that knows the old releases; pip asks the index."""
    use_pip(monkeypatch)
    for name, value in own_store(tmp_path, index).items():
        monkeypatch.setenv(name, value)
    file = tmp_path / servers_catalogue.PATH
    file.parent.mkdir(parents=True)
    file.write_text(catalogue_of(OLD), encoding="utf-8")
    monkeypatch.setattr(catalogue, "FILE", file)
    catalogue.server_programs.cache_clear()
    yield file
    catalogue.server_programs.cache_clear()


def test_newer_releases_are_a_diff_that_git_applies(
    known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of several versions of a server each stays at its major version; what is alone takes the newest."""
    assert servers_catalogue.main() == 0
    diff = capsys.readouterr().out
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, text=True, check=True)
    assert known.read_text() == catalogue_of([NEW[0], OLD[1], NEW[1]])


def test_nothing_is_newer(index: Index, known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Then there is nothing to apply."""
    index.wheels = OLD
    assert servers_catalogue.main() == 0
    assert capsys.readouterr().out == ""
    assert known.read_text() == catalogue_of(OLD)


def test_an_index_that_does_not_answer(index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody takes it for news."""
    index.answer = 500
    assert servers_catalogue.main() == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert "500" in errors or "No matching distribution" in errors
