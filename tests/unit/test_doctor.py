"""What `doctor` shows: the services that a project uses, the answer first, and no line wider than the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main
from test_framework.config import load
from test_framework.doctor import services_in_use

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project

BUILT_IN = ("clickhouse", "postgres", "redis")
OWN = '[tool.test_framework.services.nats]\ncommand = ["nats-server"]\nurl_format = "nats://{host}:{port}"\n'


def in_use(root: Path, env: dict[str, str] | None = None) -> tuple[str, ...]:
    """Return the services that a project uses."""
    return services_in_use(load(root, env or {}))


@pytest.mark.parametrize(
    ("file", "text", "services"),
    [
        ("tests/integration/test_it.py", "def test_it(postgres_db): ...", ("postgres",)),
        ("tests/unit/deep/conftest.py", "from redis import Redis", ("redis",)),
        ("conftest.py", 'URL = os.environ["CLICKHOUSE_URL"]', ("clickhouse",)),
        ("tests/integration/test_it.py", "predistribute = 1", BUILT_IN),
        ("src/shop.py", "import redis", BUILT_IN),
        ("pyproject.toml", '[tool.test_framework.services.redis]\nversion = "8"\n', ("redis",)),
        ("pyproject.toml", OWN, ("nats",)),
        ("pyproject.toml", '[tool.test_framework.tiers.smoke]\nservices = ["postgres"]\n', ("postgres",)),
    ],
)
def test_services_in_use(tmp_path: Path, file: str, text: str, services: tuple[str, ...]) -> None:
    """The settings name them, or a word of a test file; where nothing does, all are shown."""
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert in_use(tmp_path) == services


def test_a_variable_names_a_service(tmp_path: Path) -> None:
    """It is a setting as any other."""
    assert in_use(tmp_path, {"TEST_FRAMEWORK_REDIS_URL": "redis://127.0.0.1:1/0"}) == ("redis",)


@pytest.fixture
def shop(no_service: Project) -> Project:
    """Return a project whose tests use Postgres and Redis, where Docker is the only provider and has no socket."""
    no_service.write("tests/integration/test_it.py", "def test_it(postgres_db, redis_db): ...\n")
    return no_service


def lines(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """Return what `doctor` prints."""
    assert main(["doctor", *options]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("shop")
def test_services_that_share_a_reason_share_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So they do a remedy, which names them."""
    monkeypatch.setenv("COLUMNS", "200")
    found = lines(capsys)
    assert found[:3] == ["services:", "  postgres: unavailable", "  redis: unavailable"]
    assert [line for line in found if "socket-missing" in line and "docker (postgres, redis)" in line]
    assert [line for line in found if line.startswith("  postgres, redis: Start Docker")]
    assert found[-1] == "Not used by this project: clickhouse. --all shows all services."


@pytest.mark.usefixtures("shop")
def test_all_services(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that the project does not use come by `--all`."""
    found = lines(capsys, "--all")
    assert found[1:4] == [f"  {name}: unavailable" for name in BUILT_IN]
    assert "--all" not in found[-1]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("columns", [40, 80])
def test_no_line_is_wider_than_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Whatever the terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert [line for line in lines(capsys, "--all") if len(line) > columns] == []
