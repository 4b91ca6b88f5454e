"""ClickHouse as far as it needs no server: what it is in a container, how it is found, what is written for it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from test_framework import services
from test_framework.contracts import Binary, Launch, RunAs
from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.services.clickhouse import SERVICE

PASSWORD = "a password that is nowhere else"
FOUND = Binary(Path("/opt/clickhouse"), "25.8.1", "PATH")


def test_the_file_alone_makes_it_a_service() -> None:
    """It is found by the name of its module."""
    assert "clickhouse" in services.names()
    assert services.get("clickhouse").default_image == SERVICE.default_image


def test_the_contract_of_the_image() -> None:
    """User and password go by the image's variables, never on its command line; the data is in memory."""
    spec = SERVICE.container(Launch(PASSWORD))
    assert spec.env == {"CLICKHOUSE_USER": "default", "CLICKHOUSE_PASSWORD": PASSWORD}
    assert spec.command == ()
    assert spec.url.format(host="h", port=1) == f"http://default:{PASSWORD}@h:1/default"
    assert spec.tmpfs == ("/var/lib/clickhouse",)


def test_no_program(tmp_path: Path) -> None:
    """The reason names both programs that would do."""
    with pytest.raises(Refused) as caught:
        SERVICE.find_binary("", {"PATH": str(tmp_path)})
    assert caught.value.reason.code is Code.BINARY_MISSING
    assert "clickhouse or clickhouse-server" in caught.value.reason.message


@pytest.mark.parametrize("name", ["clickhouse", "clickhouse-server"])
def test_a_program_on_the_path(name: str, tmp_path: Path) -> None:
    """Either is taken, with the version that it names."""
    (tmp_path / name).write_text("#!/bin/sh\necho 'ClickHouse server version 25.8.1.1 (official build).'\n")
    (tmp_path / name).chmod(0o755)
    assert SERVICE.find_binary("25", {"PATH": str(tmp_path)}) == Binary(tmp_path / name, "25.8.1.1", "PATH")


def test_a_path_may_have_any_letter(tmp_path: Path) -> None:
    """The configuration is XML."""
    folder = tmp_path / "<a> & 'b'"
    folder.mkdir()
    SERVICE.prepare(FOUND, folder, 18123, Launch(PASSWORD), RunAs())
    told = ET.parse(folder / "config.xml")  # noqa: S314  # we wrote it
    assert told.findtext("path") == f"{folder}/data/"
    assert told.findtext("users_config") == f"{folder}/config.xml"


def test_the_configuration_is_private(tmp_path: Path) -> None:
    """Only its owner reads it; it holds the digest alone, and the command line nothing."""
    command = SERVICE.prepare(FOUND, tmp_path, 18123, Launch(PASSWORD), RunAs())
    file = tmp_path / "config.xml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text() + " ".join(command.argv)
    told = ET.parse(file)  # noqa: S314  # we wrote it
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    assert told.findtext("users/default/password_sha256_hex") == digest
    assert told.findtext("listen_host") == "127.0.0.1"
    assert command.url == f"http://default:{PASSWORD}@127.0.0.1:18123/default"


@pytest.mark.parametrize(("name", "role"), [("clickhouse", ["server"]), ("clickhouse-server", [])])
def test_the_one_program_is_told_what_to_be(name: str, role: list[str], tmp_path: Path) -> None:
    """`clickhouse` takes the role as its first argument, `clickhouse-server` has it."""
    binary = Binary(Path("/opt") / name, "25.8.1", "PATH")
    argv = SERVICE.prepare(binary, tmp_path, 18123, Launch(PASSWORD), RunAs()).argv
    assert list(argv) == [f"/opt/{name}", *role, f"--config-file={tmp_path}/config.xml"]
