"""Name resolution as far as it needs no network; connections are in the integration tier."""

from __future__ import annotations

import socket

import pytest

from test_framework import net
from test_framework.resolution import Code, Refused


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_numeric_address_resolves_to_itself(host: str, family: socket.AddressFamily) -> None:
    """It needs no name server, and comes back as `getaddrinfo` gives it."""
    found = net.resolve(host, 5432, "DATABASE_URL")
    assert {(entry[0], entry[4][:2]) for entry in found} == {(family, (host, 5432))}


@pytest.mark.parametrize("host", [f"{'a' * 64}.example", "a..example", "\udcff.example"])
def test_a_name_that_cannot_be_one_is_refused(host: str) -> None:
    """The reason says what is wrong with it and where it came from."""
    with pytest.raises(Refused) as caught:
        net.resolve(host, 5432, "DATABASE_URL")
    reason = caught.value.reason
    assert reason.code is Code.NAME_UNRESOLVED
    assert host in reason.message
    assert "DATABASE_URL" in reason.remedy
