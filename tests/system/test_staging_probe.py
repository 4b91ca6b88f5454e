"""What a deployment tells only those who log in; and how it is told when it does not let us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.config import load
from test_framework.e2e.auth import AuthClient
from test_framework.e2e.deployment import Deployment
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused
from test_framework.staging.probe import StagingProbe
from tests.support.place import Place
from tests.support.staging import answering
from tests.support.stand_in import ROOT, StandIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API = load(ROOT, {}).e2e
USER, PASSWORD, TOKEN = "STAGING_USERNAME", "STAGING_PASSWORD", "STAGING_TOKEN"


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """The variables of a stand-in that tells the details of its health only to those who log in, as production does."""
    with Place() as place:
        with StandIn(place, env={"BACKEND_HEALTH_DETAILS": "authenticated"}) as stand_in:
            yield stand_in.variables
        place.is_empty(containers=False)


@pytest.fixture(scope="module")
def deployment(variables: dict[str, str]) -> Deployment:
    """Return the addresses of the stand-in."""
    return Deployment.of(Endpoint("backend", "staging", variables["STAGING_BACKEND_URL"], None), variables, api=API)


def why(ask: Callable[[], object]) -> Reason:
    """Return why a question is not answered."""
    with pytest.raises(Refused) as raised:
        ask()
    return raised.value.reason


def test_a_login_ends_its_session(deployment: Deployment, variables: dict[str, str]) -> None:
    """The step is timed, and of the sessions of the account none is ours afterwards."""
    step = StagingProbe(deployment, variables).login()
    assert step.reason is None
    assert step.seconds > 0
    with AuthClient(deployment) as client:
        mine = client.login(variables[USER], variables[PASSWORD])
        # The session of the stand-in itself, and this one.
        assert client.logout_all(mine.access_token) == 2


def test_a_token_is_enough(deployment: Deployment, variables: dict[str, str]) -> None:
    """It counts more than the password, and its session goes on."""
    with AuthClient(deployment) as client:
        token = client.login(variables[USER], variables[PASSWORD]).access_token
        probe = StagingProbe(deployment, {TOKEN: token, USER: "nobody@example.org", PASSWORD: "wrong"})
        assert probe.login().reason is None
        assert probe.configuration()["version"]
        client.logout(token)


@pytest.mark.parametrize(
    ("given", "source"),
    [({TOKEN: "no token"}, TOKEN), ({USER: "nobody@example.org", PASSWORD: "wrong"}, f"{USER} and {PASSWORD}")],
    ids=["token", "password"],
)
def test_a_login_that_is_refused(deployment: Deployment, given: dict[str, str], source: str) -> None:
    """The reason names the variables to correct, and no secret."""
    reason = StagingProbe(deployment, given).login().reason
    assert reason is not None
    assert reason.code is Code.LOGIN_FAILED
    assert source in reason.remedy
    assert not any(secret in str(reason) for secret in ("no token", "wrong."))


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, f"Set {TOKEN}, or {USER} and {PASSWORD}."),
        ({USER: "me"}, f"Set {PASSWORD}."),
        ({PASSWORD: "x"}, f"Set {USER}."),
    ],
    ids=["everything", "password", "user"],
)
def test_what_is_missing_is_named(deployment: Deployment, given: dict[str, str], missing: str) -> None:
    """For the login, and for what is told only to those who log in."""
    probe = StagingProbe(deployment, given)
    for reason in (probe.login().reason, why(probe.dependencies), why(probe.configuration)):
        assert reason is not None
        assert (reason.code, reason.remedy) == (Code.NOT_CONFIGURED, missing)


def test_dependencies_with_their_latencies(deployment: Deployment, variables: dict[str, str]) -> None:
    """Each as the backend sees it; one that it has not is not down."""
    steps = StagingProbe(deployment, variables).dependencies()
    assert tuple(steps) == API.dependencies
    codes = {name: step.reason.code if step.reason else None for name, step in steps.items()}
    assert codes == {"database": None, "cache": None, "analytics": Code.NOT_CONFIGURED, "language_model": None}
    assert 0 < steps["database"].seconds < 5


@pytest.mark.parametrize("body", ["{}", "[]", "no JSON", '{"dependencies": {"database": {}}}'])
def test_an_answer_that_is_none_of_a_backend(body: str) -> None:
    """Whatever answers there is not what these tests are for."""
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    with answering(answer.encode()) as port:
        at = Deployment.of(Endpoint("backend", "staging", f"http://127.0.0.1:{port}", None), {})
        assert why(StagingProbe(at, {}).dependencies).code is Code.WRONG_SERVICE


@pytest.mark.parametrize(("status", "code"), [(502, Code.HTTP_ERROR), (404, Code.WRONG_SERVICE)])
def test_an_answer_that_is_an_error(status: int, code: Code) -> None:
    """A server in trouble is told from one that does not know the question."""
    with answering(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()) as port:
        at = Deployment.of(Endpoint("backend", "staging", f"http://127.0.0.1:{port}", None), {})
        reason = why(StagingProbe(at, {}).configuration)
    assert reason.code is code
    assert str(status) in reason.message
