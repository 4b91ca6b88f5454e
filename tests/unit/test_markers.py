"""What a test says of itself by its markers."""

from __future__ import annotations

import pytest

from test_framework.config import BadSetting
from test_framework.plugin import markers

KNOWN = ("postgres", "redis")
"""The services that there are."""

MARK = pytest.mark


@pytest.mark.parametrize(
    ("mark", "safe"),
    [(MARK.staging_safe, True), (MARK.connectivity_check, True), (MARK.smoke, False), (MARK.staging, False)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_what_may_run_against_staging(
    request: pytest.FixtureRequest, mark: pytest.MarkDecorator, *, safe: bool
) -> None:
    """Only what says so: any other test may write."""
    assert not markers.is_safe(request.node)
    request.node.add_marker(mark)
    assert markers.is_safe(request.node) is safe


@pytest.mark.parametrize(
    ("mark", "services"),
    [
        (MARK.requires("postgres", "redis"), ("postgres", "redis")),
        (MARK.real_services, ("of the tier",)),
        (MARK.real_services("redis"), ("redis",)),
        (MARK.docker_required, ()),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_services_that_a_test_names(
    request: pytest.FixtureRequest, mark: pytest.MarkDecorator, services: tuple[str, ...]
) -> None:
    """Those of the marker, or all of its tier."""
    request.node.add_marker(mark)
    assert markers.needs(request.node, ("of the tier",), {}) == services


@pytest.mark.parametrize(
    ("mark", "provider"), [(MARK.docker_required, "docker"), (MARK.staging, "staging"), (MARK.gcp_required, None)]
)
def test_the_only_provider_that_will_do(
    request: pytest.FixtureRequest, mark: pytest.MarkDecorator, provider: str | None
) -> None:
    """Docker or staging for what asks for them; a condition of another kind asks for none."""
    request.node.add_marker(mark)
    assert markers.wanted_provider(request.node) == provider
    assert markers.states_condition(request.node)


@pytest.mark.parametrize("mark", [MARK.requires, MARK.requires(1, reason="x"), MARK.requires("postgers")], ids=str)
def test_a_marker_that_names_no_service_is_refused(request: pytest.FixtureRequest, mark: pytest.MarkDecorator) -> None:
    """With the test and the choices; the marker for all services may name none."""
    request.node.add_marker(MARK.real_services)
    markers.check(request.node, KNOWN)
    request.node.add_marker(mark)
    with pytest.raises(BadSetting, match="postgres") as caught:
        markers.check(request.node, KNOWN)
    assert request.node.nodeid in str(caught.value)
