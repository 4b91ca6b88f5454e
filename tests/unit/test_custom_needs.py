"""A service of the user's own that depends on others, or is a Python package; and the one that is under test."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from test_framework import services
from test_framework.config import BadSetting, load
from test_framework.contracts import Launch, RunAs
from test_framework.doctor import examine
from test_framework.redaction import KNOWN
from test_framework.resolution import Code, Endpoint, Refused
from test_framework.supervisor.address import SupervisorAddress

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.contracts import Service
    from tests.conftest import Project

SHOP = """
[tool.test_framework.services.shop]
url_format = "http://{host}:{port}"
image = "shop:1"
port = 80
needs = ["postgres", "redis"]
container_inherit = ["SHOP_*"]
container_environment = { DATABASE_URL = "{postgres.url}", SHOP_COLOUR = "red" }
container_command = ["serve", "--cache", "{redis.host}:{redis.port}"]
command = ["{python}", "-m", "shop", "--port", "{port}", "--database", "{postgres.database}"]
inherit = ["SHOP_*"]
environment = { SHOP_COLOUR = "red", SHOP_PYTHON = "{python}", PYTHONPATH = "{root}/src", CACHE = "{redis.url}" }
package = "shop"
"""
NEEDS = {"postgres": "postgresql://me:hunter2@127.0.0.1:5/books", "redis": "redis://:hunter3@127.0.0.1/4"}


def shop(folder: Path, *more: str) -> Service:
    """Return the service of a project with this table and more lines of it."""
    (folder / "pyproject.toml").write_text(SHOP + "\n".join(more), encoding="utf-8")
    return services.get("shop", load(folder, {}))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"redis"]', '"redsi"]', ["service 'redsi'", "needs, ", "mean 'redis'", "services.shop]"]),
        ('"redis"]', '"redis", "shop"]', ["is circular: shop needs shop"]),
        ('needs = ["postgres", "redis"]', "", ["field 'redis.host'", "container_command in"]),
        ("{postgres.url}", "{postgres.name}", ["field 'postgres.name'", "postgres.database, postgres.host"]),
        ("{postgres.database}", "{postgres.url}", ["command in", "{postgres.url}", "Pass it in environment"]),
        ("{redis.host}", "{redis.password}", ["container_command in", "{redis.password}", "container_environment."]),
        ('package = "shop"', 'package = "my.shop"', ["package = 'my.shop'", "without dots"]),
        ('image = "shop:1"', "", ["has no effect without image"]),
        ('["{python}"', '["{port}"', ["field 'port'", "Choices: python, root."]),
        ('package = "shop"', 'version_from = "http:/v"', ["version_from = 'http:/v'", "http:/path#/key"]),
        ("port = 80\n", "", ["has no port. Add it, such as port = 5672"]),
    ],
)
def test_bad_tables(tmp_path: Path, old: str, new: str, told: list[str]) -> None:
    """One line names what is wrong, and where it stands."""
    assert SHOP.count(old) == 1
    (tmp_path / "pyproject.toml").write_text(SHOP.replace(old, new), encoding="utf-8")
    with pytest.raises(BadSetting) as caught:
        load(tmp_path, {})
    assert "\n" not in str(caught.value)
    for part in told:
        assert part in str(caught.value)


def test_a_table_of_a_service_that_was_built_in_once(tmp_path: Path) -> None:
    """One line says all that it lacks."""
    (tmp_path / "pyproject.toml").write_text('[tool.test_framework.services.backend]\nimage = "mine:1"\n')
    with pytest.raises(BadSetting) as caught:
        load(tmp_path, {})
    assert str(caught.value) == (
        "service 'backend' in pyproject.toml [tool.test_framework.services.backend] has no port and no url_format. "
        'Add it, such as port = 5672, url_format = "amqp://{host}:{port}/".'
    )


def test_a_circle_of_several(tmp_path: Path) -> None:
    """None of them could be started first; those that lead to it are no part of it."""
    tables = {"a": ["redis", "b"], "b": ["c"], "c": ["postgres", "b"]}
    usual = 'url_format = "x://{host}:{port}"\ncommand = ["x"]\n'
    text = "".join(f"[tool.test_framework.services.{n}]\n{usual}needs = {needs}\n" for n, needs in tables.items())
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadSetting, match=r"services\.b\] is circular: b needs c needs b\. Remove one of these"):
        load(tmp_path, {})


def test_a_container_is_told_of_its_needs(tmp_path: Path) -> None:
    """By the fields of its table; what the client's environment says of the variables named counts more."""
    env = {"SHOP_COLOUR": "blue", "SHOP_SIZE": "3", "OTHER": "x"}
    spec = shop(tmp_path).container(Launch("a-password-of-it", NEEDS, env))
    assert spec.env == {"DATABASE_URL": NEEDS["postgres"], "SHOP_COLOUR": "blue", "SHOP_SIZE": "3"}
    # The usual port, where the URL names none.
    assert spec.command == ("serve", "--cache", "127.0.0.1:6379")


def test_a_program_is_told_of_its_needs(tmp_path: Path) -> None:
    """The same; and it runs in the interpreter of the tests."""
    made, env = shop(tmp_path), {"SHOP_COLOUR": "blue"}
    package(tmp_path)
    command = made.prepare(made.find_binary("", {}), tmp_path, 7, Launch("a-password-of-it", NEEDS, env), RunAs())
    assert command.argv == (sys.executable, "-m", "shop", "--port", "7", "--database", "books")
    wanted = {"SHOP_COLOUR": "blue", "SHOP_PYTHON": sys.executable, "CACHE": NEEDS["redis"]}
    assert command.env == wanted | {"PYTHONPATH": f"{tmp_path}/src"}


def package(folder: Path) -> Path:
    """Write the package of the program; return its only module."""
    module = folder / "src" / "shop" / "__init__.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    return module


def test_the_package_is_where_the_program_will_find_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it there is no program: a reason, and not a server that dies; a folder of that name is no package."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "src")])
    made = shop(tmp_path)
    for folder in ("", "src/shop"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        with pytest.raises(Refused) as refused:
            made.find_binary("", {})
        assert refused.value.reason.code is Code.BINARY_MISSING
        assert "shop" in refused.value.reason.message
        assert "package in [tool.test_framework.services.shop]" in refused.value.reason.remedy
    (tmp_path / "src/shop/__init__.py").touch()
    found = made.find_binary("", {})
    # It is no distribution.
    assert (str(found.path), found.version, found.origin) == (sys.executable, "", "the package shop")


def test_an_edit_of_the_package_makes_another_program(tmp_path: Path) -> None:
    """So a warm server of it does not outlive the edit; a look alone changes nothing."""
    made, module = shop(tmp_path), package(tmp_path)
    before = made.find_binary("", {})
    assert made.find_binary("", {}) == before
    os.utime(module, ns=(1, module.stat().st_mtime_ns + 1))
    assert made.find_binary("", {}) != before


def test_a_distribution_has_a_version(tmp_path: Path) -> None:
    """That of the distribution with the name of the package, whichever way that is written."""
    text = SHOP.replace('package = "shop"', 'package = "pytest_timeout"')
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    found = services.get("shop", load(tmp_path, {})).find_binary("", {})
    assert found.version[0].isdigit()


@pytest.mark.parametrize("variable", ["SHOP_SIZE", "OTHER"])
def test_a_variable_that_it_gets_is_another_supervisor_s(tmp_path: Path, variable: str) -> None:
    """A run that says something else there has a server of its own; what it does not get changes nothing."""
    shop(tmp_path)
    found = {SupervisorAddress.of(load(tmp_path, {}), {variable: value}) for value in "ab"}
    assert len(found) == (2 if variable == "SHOP_SIZE" else 1)


def test_a_secret_that_it_gets_is_known(tmp_path: Path) -> None:
    """It is hidden as those of our own variables are."""
    shop(tmp_path)
    load(tmp_path, {"SHOP_API_KEY": "the-key-of-the-shop", "OTHER_API_KEY": "the-key-of-others"})
    assert KNOWN.hide("the-key-of-the-shop the-key-of-others") == "*** the-key-of-others"


def test_needs_stand_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that says others is refused: nobody has looked whether they lead back."""
    code = "from test_framework.services import CustomService\nclass Shop(CustomService):\n"
    code += (
        "    def __init__(self, name, table):\n        super().__init__(name, table)\n        self.needs = ('shop',)\n"
    )
    (tmp_path / "needing_shop.py").write_text(code)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(BadSetting, match="what it makes needs shop; that stands in the table, as needs"):
        shop(tmp_path, 'class = "needing_shop:Shop"')


def test_a_server_without_parts_is_shared(tmp_path: Path) -> None:
    """By services that need it; a test is told what to ask for in its place."""
    endpoint = Endpoint("shop", "embedded", "http://127.0.0.1:1", None)
    made = shop(tmp_path)
    databases = made.databases(endpoint, tmp_path, load(tmp_path, {}))
    part = databases.checkout((), "run", {}, skip_template=True)
    assert part.endpoint is endpoint
    databases.give_back(part, retain=False)
    with pytest.raises(BadSetting, match="shop has no parts for one test each: ask for shop itself"):
        databases.checkout((), "run", {})


CHAIN = """
[tool.test_framework]
providers = ["embedded"]
[tool.test_framework.services.redis]
providers = ["staging"]
[tool.test_framework.services.first]
url_format = "x://{host}:{port}"
command = ["sh"]
needs = ["second"]
[tool.test_framework.services.second]
url_format = "x://{host}:{port}"
command = ["sh"]
needs = ["redis"]
"""


def test_doctor_follows_needs_to_their_end(tmp_path: Path) -> None:
    """What one below cannot have, the one above cannot have either."""
    (tmp_path / "pyproject.toml").write_text(CHAIN, encoding="utf-8")
    found = {s.service: s for s in examine(load(tmp_path, {}), {"PATH": os.environ["PATH"]}).services}
    for name, needed in (("first", "second"), ("second", "redis")):
        provider, reason = found[name].choice(("embedded",))
        assert provider is None
        assert reason is not None
        assert f"{name} on embedded needs {needed}, which is unavailable" in reason.message


def test_the_service_under_test_is_a_fixture(no_service: Project) -> None:
    """It is whichever the settings name, with its own reason."""
    no_service.write("pyproject.toml", SHOP + '[tool.test_framework.e2e]\nservice = "shop"\n')
    no_service.write("test_it.py", "def test_it(system_under_test):\n    pass\n")
    result = no_service.run("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*shop*"])


def test_no_service_is_under_test(no_service: Project) -> None:
    """One line says what to set."""
    no_service.write("test_it.py", "def test_it(system_under_test):\n    pass\n")
    result = no_service.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["no service is under test: set service in [[]tool.test_framework.e2e]*"])


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('service = "shpo"', ["unknown service 'shpo'", "e2e.service", "mean 'shop'", "[tool.test_framework.e2e]"]),
        ("paths = { lgoin = '/l' }", ["unknown path 'lgoin'", "mean 'login'", "[tool.test_framework.e2e]"]),
        ("paths = { login = 'l' }", ["paths.login = 'l'", "starts with /"]),
        ("paths = { messages = '/m' }", ["paths.messages = '/m'", "{thread}"]),
        ("paths = { login = '/{thread}' }", ["field 'thread'", "paths.login"]),
    ],
)
def test_bad_tables_of_end_to_end_tests(tmp_path: Path, table: str, told: list[str]) -> None:
    """One line names the value, where it came from, and the choices."""
    (tmp_path / "pyproject.toml").write_text(f"{SHOP}[tool.test_framework.e2e]\n{table}\n", encoding="utf-8")
    with pytest.raises(BadSetting) as caught:
        load(tmp_path, {})
    for part in told:
        assert part in str(caught.value)


def test_paths_of_end_to_end_tests(tmp_path: Path) -> None:
    """Those of the settings, and the usual ones for the rest."""
    table = "[tool.test_framework.e2e.paths]\nlogin = '/v2/login'\nmessages = '/t/{thread}'\n"
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    found = load(tmp_path, {}).e2e
    assert [found.path(name) for name in ("login", "logout")] == ["/v2/login", "/auth/logout"]
    assert found.path("messages", thread="7") == "/t/7"
