"""Services of the user's own: what their tables may say, and the classes that they name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from test_framework import services
from test_framework.config import BadSetting, CustomServiceSettings, Settings, load
from test_framework.contracts import Context, Launch
from test_framework.exec.variables import fields_of, ports_of
from test_framework.memo import Memo
from test_framework.providers._startup import check_version, wanted_version
from test_framework.providers.docker.images import version_of_image
from test_framework.resolution import Endpoint, Refused
from test_framework.supervisor.address import SupervisorAddress
from test_framework.supervisor.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from test_framework.contracts import Service
    from tests.conftest import Project

TABLE = "[tool.test_framework.services.bus]\n"
FULL = f"""{TABLE}
image = "bus:2.1"
port = 4222
url_format = "bus://{{host}}:{{port}}"
command = ["busd", "--port", "{{port}}"]
"""


def read(folder: Path, toml: str, env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a project."""
    (folder / "pyproject.toml").write_text(toml, encoding="utf-8")
    return load(folder, env or {})


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        (TABLE, ["service 'bus'", "services.bus]", "does not say how", "image", "command", "class"]),
        (TABLE + "url_env = ['BUS_URL']", ["does not say how"]),
        (TABLE.replace("bus", "postgress") + "version = '17'", ["does not say how", "mean 'postgres'"]),
        (TABLE + "image = 'bus:2'\nurl_format = 'bus://{host}'", ["has no port", "port = 5672"]),
        (TABLE + "image = 'bus:2'\nport = 1", ["has no url_format", "url_format = "]),
        (TABLE + "command = ['busd']", ["has no url_format"]),
        (FULL.replace("bus://", ""), ["url_format in", "services.bus]", "has no scheme. Example:"]),
        (FULL.replace("{host}", "127.0.0.1"), ["url_format", "has no {host}."]),
        (FULL.replace(":{port}", ""), ["url_format", "has no {port}."]),
        (FULL.replace("{host}:{port}", "hunter2@{{host}}:4222"), ["has no {host} and no {port}."]),
        (TABLE + "command = ['busd']\nurl_format = 'bus:{port}'", ["has no scheme and no {host}."]),
        (TABLE + "container = 'a:B'\ncommand = ['busd']", ["container", "has no effect without image"]),
        (FULL + "container_url = 'get_url'", ["container_url", "has no effect without container"]),
        (FULL + "template = ['schema.sql']", ["template", "has no effect without class"]),
        (FULL + "prot = 1", ["unknown key 'prot'", "mean 'port'", "services.bus]"]),
        (FULL + "isolation = 'prefix'", ["unknown key 'isolation'"]),
        (FULL.replace("4222", "70000"), ["port = 70000", "1 to 65535"]),
        (FULL.replace("4222", "'4222'"), ["port = '4222'", "a whole number"]),
        (FULL + "ready = 'udp'", ["ready = 'udp'", "tcp, http:/path or log:"]),
        (FULL + "ready = 'http:health'", ["ready = 'http:health'"]),
        (FULL + "ready = 'log:('", ["ready = 'log:('", "a valid regular expression", "unterminated"]),
        (FULL + "class = 'tests.services'", ["class = 'tests.services'", "module:Class"]),
        (FULL + "container = 'RabbitMqContainer'", ["container = 'RabbitMqContainer'", "module:Class"]),
        (
            FULL + "environment = { A = '{nope}' }",
            ["field 'nope'", "environment.A", "folder, host, password, port, port.NAME"],
        ),
        (FULL + "environment = { A = '{port.}' }", ["field 'port.'", "port.NAME"]),
        (FULL + "environment = { A = '{port!r}' }", ["field 'port'", "environment.A", "or a conversion"]),
        (FULL + "files = { '../a' = '' }", ["files", "'../a'", "inside the server's folder"]),
        (FULL + "files = { '/etc/a' = '' }", ["files", "'/etc/a'", "inside the server's folder"]),
        (FULL.replace('"busd"', '"busd", "{password}"'), ["command in", "{password}", "Pass it in environment"]),
        (
            FULL + "container_command = ['busd', '{password}']",
            ["container_command in", "{password}", "Pass it in"],
        ),
        (FULL + "version_command = ['busd', '-a{password}']", ["version_command in", "{password}", "Pass it in"]),
        (FULL.replace('"busd"', '"{folder}/busd"'), ["field 'folder'", "command", "Choices: python, root"]),
        (FULL.replace('"busd"', '"busd", "{port"'), ["command", "cannot be read", "{{ and }}"]),
        (FULL + "version_command = ['busd', '{port}']", ["field 'port'", "version_command", "Choices: python, root"]),
        (FULL + "container_environment = { A = '{folder}' }", ["field 'folder'", "container_environment.A"]),
        (FULL.replace(".bus]", ".Bus]"), ["service = 'Bus'", "lower-case letters"]),
        (FULL.replace(".bus]", ".lambda]"), ["service = 'lambda'", "lower-case letters"]),
        (FULL.replace(".bus]", ".postgres]"), ["unknown key 'port'", "services.postgres]"]),
        ("[tool.test_framework.tiers.unit]\nservices = ['bsu']\n" + FULL, ["service 'bsu'", "mean 'bus'", "redis"]),
    ],
)
def test_bad_tables(tmp_path: Path, toml: str, told: list[str]) -> None:
    """One line names what is wrong, where it stands and what to do."""
    with pytest.raises(BadSetting) as caught:
        read(tmp_path, toml)
    assert "\n" not in str(caught.value)
    for part in told:
        assert part in str(caught.value)


def test_secrets_of_a_table_are_not_told(tmp_path: Path) -> None:
    """A value that may hold a password is no part of an error."""
    for line in (
        "environment = { A = '{nope}hunter2' }",
        "environment = { A = '{nope:hunter2}' }",
        "container_arguments = ['hunter2']",
    ):
        with pytest.raises(BadSetting) as caught:
            read(tmp_path, FULL + line)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(BadSetting) as caught:
        read(tmp_path, FULL.replace("{host}", "hunter2@example"))
    assert "hunter2" not in str(caught.value)


def test_variables_and_tiers_know_it(tmp_path: Path) -> None:
    """It is set by variables as ours are, and a tier may name it before its table comes."""
    toml = "[tool.test_framework.tiers.integration]\nservices = ['bus']\n" + FULL
    env = {"IMAGE": "bus:3", "COMMAND": "busd, -x", "CLASS": "a:B"}
    settings = read(tmp_path, toml, {f"TEST_FRAMEWORK_BUS_{key}": value for key, value in env.items()})
    table = settings.services["bus"]
    assert isinstance(table, CustomServiceSettings)
    assert (table.image, table.command, table.factory) == ("bus:3", ("busd", "-x"), "a:B")
    assert settings.service_names == ("bus", "clickhouse", "postgres", "redis")
    assert settings.origin("services.bus.class") == "TEST_FRAMEWORK_BUS_CLASS"


def test_a_name_whose_variable_means_something_else(tmp_path: Path) -> None:
    """Two keys cannot have one variable."""
    with pytest.raises(BadSetting, match="TEST_FRAMEWORK_BUS_CONTAINER_URL already means something else") as caught:
        read(tmp_path, FULL + FULL.replace(".bus]", ".bus_container]"))
    assert "service = 'bus_container'" in str(caught.value)


def launch() -> Launch:
    """Return what a server is given, with a password that is known."""
    return Launch("hunter2")


def test_the_table_of_a_container(tmp_path: Path) -> None:
    """Its texts are filled in, and braces are left where there are two."""
    toml = FULL + "container_environment = { A = '{{x}} {password}' }\ncontainer_command = ['busd', '{{x}}']"
    spec = services.get("bus", read(tmp_path, toml)).container(launch())
    assert (spec.port, spec.env, spec.command) == (4222, {"A": "{x} hunter2"}, ("busd", "{x}"))
    assert spec.url.format(host="127.0.0.1", port=5) == "bus://127.0.0.1:5"


@pytest.mark.parametrize("path", ["bin/busd", "./bin/busd", "{root}/bin/busd"])
def test_a_program_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Its path counts from the project's folder, whoever asks, and from wherever; so does that of its version."""
    program = tmp_path / "bin" / "busd"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho busd 2.7.1\n")
    program.chmod(0o755)
    toml = FULL.replace('"busd"', f'"{path}"') + f"version_command = ['{path}', '--version']\n"
    bus = services.get("bus", read(tmp_path, toml))
    monkeypatch.chdir("/")
    found = bus.find_binary("", {"PATH": "/usr/bin"})
    assert (found.path.resolve(), found.version, found.origin) == (program, "2.7.1", "the settings")
    program.unlink()
    with pytest.raises(Refused, match=str(program)):
        bus.find_binary("", {"PATH": "/usr/bin"})


def test_a_url_with_braces(tmp_path: Path) -> None:
    """They are filled in once, and so is a password that has some."""
    toml = FULL.replace("{host}:{port}", "u:{password}@{host}:{port}/{{a}}")
    spec = services.get("bus", read(tmp_path, toml)).container(Launch("hun{ter}2"))
    assert spec.url.format(host="127.0.0.1", port=5) == "bus://u:hun{ter}2@127.0.0.1:5/{a}"


def test_a_class_of_testcontainers_that_gives_the_url(tmp_path: Path) -> None:
    """The table may say what else there is of a URL, and has to where a program is started as well."""
    lines = "image = 'bus:2'\ncontainer = 'a:B'\ncontainer_url = 'get_url'\nurl_format = 'bus:'\n"
    assert read(tmp_path, TABLE + lines).services["bus"].image == "bus:2"
    with pytest.raises(BadSetting, match="url_format"):
        read(tmp_path, TABLE + lines + "command = ['busd']")


def test_a_url_without_a_port(tmp_path: Path) -> None:
    """A command is told the one of the table then, but where the scheme has its own."""
    ports = ports_of(read(tmp_path, FULL))
    assert fields_of(Endpoint("bus", "explicit", "bus://h.example", None), ports)["port"] == "4222"
    urls = {"http": "80", "https": "443", "ws": "80", "wss": "443", "bus": "4222", "buss": "4222"}
    for scheme, port in urls.items():
        assert fields_of(Endpoint("bus", "explicit", f"{scheme}://h.example", None), ports)["port"] == port
        assert fields_of(Endpoint("bus", "explicit", f"{scheme}://h.example:9", None), ports)["port"] == "9"
    ours = {"redis": "6379", "rediss": "6379", "postgresql": "5432", "http": "8123", "https": "8443"}
    for scheme, port in ours.items():
        service = {"h": "clickhouse", "p": "postgres", "r": "redis"}[scheme[0]]
        assert fields_of(Endpoint(service, "explicit", f"{scheme}://h.example", None), ports)["port"] == port


@pytest.mark.parametrize(
    ("image", "env", "version"),
    [
        ("bus:2", ["BUS_VERSION=2.3.4-1"], "2.3.4"),
        ("bus:2.3", ["OTHER_VERSION=9"], "2.3"),
        ("host:5000/team/bus:v2.3-alpine", [], "2.3"),
        ("host:5000/team/bus", [], None),
        ("bus:latest", [], None),
        (f"bus@sha256:2{'f' * 63}", [], None),
        (f"host:5000/team/bus:2.3@sha256:9{'f' * 63}", [], "2.3"),
    ],
)
def test_the_version_of_an_image(tmp_path: Path, image: str, env: list[str], version: str | None) -> None:
    """It is what the image's environment says under the name of the service, else its tag."""
    assert version_of_image(services.get("bus", read(tmp_path, FULL)), {"Config": {"Env": env}}, image) == version


@pytest.mark.parametrize(("version", "note"), [("2.3", ""), ("3.1", "asked for 2"), ("", "")])
def test_a_version_that_is_not_the_one_asked_for(tmp_path: Path, version: str, note: str) -> None:
    """It is noted, or refused where the settings say so; one that nobody can tell is not known to be right."""
    for mismatch in "show", "refuse":
        settings = read(tmp_path, FULL + f"major_mismatch = '{mismatch}'")
        context = Context(settings, {}, "", Memo(), Guard(), print)
        bus = services.get("bus", settings)
        if mismatch == "show" or version == "2.3":
            assert check_version(bus, version, context) == note
            continue
        with pytest.raises(Refused, match="bus 3.1 is installed" if version else "unknown version"):
            check_version(bus, version, context)


@pytest.mark.parametrize(
    ("image", "wanted"),
    [("bus:2.1", "2"), ("bus:2.1@sha256:9ab", "2"), ("bus@sha256:2f4c", ""), ("h:5/bus@sha256:2", "")],
)
def test_the_version_that_an_image_asks_for(tmp_path: Path, image: str, wanted: str) -> None:
    """It is that of the tag; a digest asks for none."""
    settings = read(tmp_path, FULL.replace("bus:2.1", image))
    context = Context(settings, {}, "", Memo(), Guard(), print)
    assert wanted_version(services.get("bus", settings), context) == wanted


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forget what the test imports."""
    before, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def of_class(folder: Path, code: str, reference: str = "own_bus:Bus") -> Service:
    """Return the service that a class of the project makes."""
    (folder / "own_bus.py").write_text(code, encoding="utf-8")
    return services.get("bus", read(folder, FULL + f"class = '{reference}'"))


@pytest.mark.usefixtures("fresh")
def test_a_class_takes_over_what_it_says(tmp_path: Path) -> None:
    """The rest is as the table says."""
    code = """
from test_framework.services import CustomService

class Bus(CustomService):
    def check(self, url, source, seconds, env):
        return "9.9"
"""
    made = of_class(tmp_path, code)
    assert made.check("bus://h", "here", 1, {}) == "9.9"
    assert made.container(launch()).port == 4222


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("code", "reference", "told"),
    [
        ("", "own_bsu:Bus", ["'own_bsu:Bus'", "services.bus]", "No module named 'own_bsu'"]),
        ("class Bush: pass", "own_bus:Bus", ["unknown class 'Bus'", "mean 'Bush'"]),
        ("import not_installed_here", "own_bus:Bus", ["cannot be imported", "pip install not_installed_here"]),
        ("1 / 0", "own_bus:Bus", ["cannot be imported", "ZeroDivisionError"]),
        ("def f(:", "own_bus:Bus", ["cannot be imported", "SyntaxError"]),
        ("class Bus: pass", "own_bus:Bus", ["makes no service", "TypeError"]),
        ("class Bus:\n def __init__(self, n, t): pass", "own_bus:Bus", ["makes no service", "check", "CustomService"]),
        ("class Bus:\n def __init__(self, n, t): 1 / 0", "own_bus:Bus", ["makes no service", "ZeroDivisionError"]),
    ],
)
def test_a_class_that_cannot_be_used(tmp_path: Path, code: str, reference: str, told: list[str]) -> None:
    """One line says why, and where it is named."""
    with pytest.raises(BadSetting) as caught:
        of_class(tmp_path, code, reference)
    for part in told:
        assert part in str(caught.value)


@pytest.mark.usefixtures("fresh")
def test_a_module_that_another_one_hides(tmp_path: Path) -> None:
    """Where Python finds another module of that name, both files are named."""
    (tmp_path / "json.py").write_text("class Bus: pass")
    with pytest.raises(BadSetting, match="Python finds") as caught:
        services.get("bus", read(tmp_path, FULL + "class = 'json:Bus'"))
    assert str(tmp_path / "json.py") in str(caught.value)


def test_a_class_that_changes_is_another_supervisor_s(tmp_path: Path) -> None:
    """One that runs has imported the class, and would not see the change."""
    settings = read(tmp_path, FULL + "class = 'own_bus:Bus'")
    found = []
    for code in ("class Bus: pass", "class Bus: ...", "class Bus: pass"):
        (tmp_path / "own_bus.py").write_text(code)
        found.append(SupervisorAddress.of(settings, {}))
    assert (found[0] == found[2], found[0] == found[1]) == (True, False)


def test_a_fixture_that_is_there_already(project: Project) -> None:
    """A service cannot take the place of a fixture of pytest or of ours; the run says so, and runs no test."""
    for name in ("cache", "isolated_env"):
        project.write("pyproject.toml", FULL.replace(".bus]", f".{name}]"))
        project.write("test_it.py", "def test_it():\n    pass\n")
        result = project.run()
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*service = '{name}'*has a fixture {name}*"])


def test_a_fixture_of_the_project_s_takes_its_place(no_service: Project) -> None:
    """As with every fixture; the test does not need the service then."""
    no_service.write("pyproject.toml", FULL)
    no_service.write("conftest.py", "import pytest\n\n\n@pytest.fixture\ndef bus():\n    return 1\n")
    no_service.write("test_it.py", "def test_it(bus):\n    assert bus == 1\n")
    no_service.run().assert_outcomes(passed=1)


def test_markers_know_it(no_service: Project) -> None:
    """`requires` takes its name, and the test is skipped with the reason of its provider."""
    no_service.write("pyproject.toml", FULL)
    no_service.write("test_it.py", "import pytest\n\n\n@pytest.mark.requires('bus')\ndef test_it():\n    pass\n")
    result = no_service.run("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*socket-missing*"])
