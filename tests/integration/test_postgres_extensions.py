"""Extensions of Postgres, as a supervisor of this process finds servers that have them."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from test_framework.contracts import Dedicated
from test_framework.providers.docker.client import connect
from test_framework.providers.docker.probe import probe
from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.services import _postgres_extensions as extensions
from test_framework.supervisor.run import Run
from test_framework.supervisor.wire import ServiceRequest
from tests.support.databases import opened
from tests.support.postgres_programs import postgres_without

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.config import Settings
    from test_framework.resolution import Endpoint, Reason
    from test_framework.supervisor.core import Supervisor

SERVER = ServiceRequest("postgres", ("embedded",), "the test")
HERE = {"TEST_FRAMEWORK_DOWNLOAD": "never"}
NEEDS = {"TEST_FRAMEWORK_POSTGRES_EXTENSIONS": "nobody_has_this"}


def refused(supervisor: Supervisor, run: Run, want: ServiceRequest) -> Reason:
    """Return why a run has no server."""
    resolution = supervisor.resolve(run, want)
    (reason,) = (attempt.reason for attempt in resolution.attempts if attempt.provider == want.order[0])
    assert resolution.endpoint is None
    assert reason is not None
    return reason


@pytest.mark.usefixtures("bare_env")
def test_a_server_that_runs_for_others_stays(supervisor: Supervisor, tmp_path: Path) -> None:
    """It is not the right one for a run that needs more, and it is still the right one for the first."""
    first = supervisor.enter(Run.of("first", tmp_path, os.environ | HERE, {}))
    second = supervisor.enter(Run.of("second", tmp_path, os.environ | HERE | NEEDS, {}))
    assert supervisor.resolve(first, SERVER).endpoint
    before = supervisor.status()
    assert refused(supervisor, second, SERVER).code is Code.EXTENSION_MISSING
    assert supervisor.status() == before


@pytest.mark.usefixtures("bare_env")
def test_a_program_of_which_nothing_is_known_is_asked_once_it_runs(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its extensions lie where nobody looks; a server that lacks one is ended."""
    monkeypatch.setattr(extensions, "_LAYOUTS", ())
    found = postgres_without(tmp_path / "installed", "bin/pg_config")
    monkeypatch.setenv("PATH", f"{found}{os.pathsep}/usr/bin{os.pathsep}/bin")
    run = supervisor.enter(Run.of("run", tmp_path, os.environ | HERE | NEEDS, {}))
    reason = refused(supervisor, run, SERVER)
    assert reason.code is Code.EXTENSION_MISSING
    assert "on embedded from PATH lacks it" in reason.message
    assert supervisor.status() == []


@pytest.mark.docker_required
@pytest.mark.usefixtures("bare_env")
def test_a_container_is_asked(
    supervisor: Supervisor, tmp_path: Path, docker_env: dict[str, str], framework_settings: Settings
) -> None:
    """Both one that runs for others, which stays, and one of its own, which is removed."""
    image = framework_settings.service("postgres").image
    env = os.environ | HERE | docker_env | {"TEST_FRAMEWORK_POSTGRES_IMAGE": image}
    want = replace(SERVER, order=("docker",))
    first, second = (Run.of(name, tmp_path, more, {}) for name, more in (("first", env), ("second", env | NEEDS)))
    for run in (first, second):
        supervisor.enter(run)
    assert supervisor.resolve(first, want).endpoint
    before = supervisor.status()
    for wanted in (want, replace(want, dedicated=Dedicated())):
        reason = refused(supervisor, second, wanted)
        assert reason.code is Code.EXTENSION_MISSING
        assert f"on docker from the image {image} lacks it" in reason.message
        assert "install" not in reason.remedy
    assert supervisor.status() == before
    with closing(connect(probe(env), env)) as client:
        left = client.containers.list(all=True, filters={"label": f"test-framework.project={tmp_path}"})
        assert len(left) == 1


def test_the_next_run_tries_a_template_again(postgres: Endpoint, tmp_path: Path) -> None:
    """What the server lacked may be there by then; the same run is told the same, and waits for nothing."""
    name = f"reader-{os.getpid()}"
    text = f"SELECT 1 / (SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}');"  # noqa: S608  # our own name
    (tmp_path / "schema.sql").write_text(text)
    with opened(postgres, tmp_path) as databases:
        with pytest.raises(Refused, match="division by zero"):
            databases.checkout(("schema.sql",), "first", {})
        with psycopg.connect(postgres.url, application_name=name):
            with pytest.raises(Refused, match="division by zero"):
                databases.checkout(("schema.sql",), "first", {})
            databases.give_back(databases.checkout(("schema.sql",), "second", {}), retain=False)
