"""What a command is told must be as it was asked for: a server of somebody else's is as it is."""

from __future__ import annotations

import pytest

from test_framework.config import BadSetting
from test_framework.contracts import Dedicated
from test_framework.exec.servers import _check
from test_framework.resolution import Endpoint

PORTS = {"postgres": 5432}


def check(url: str, dedicated: Dedicated, provider: str = "explicit") -> None:
    """Hold an endpoint against what was asked for."""
    _check(Endpoint("postgres", provider, url, "17"), dedicated, PORTS)


@pytest.mark.parametrize(
    ("url", "dedicated"),
    [
        ("postgresql://u:p@127.0.0.1/d", Dedicated()),
        ("postgresql://u:p@127.0.0.1/d", Dedicated(port=5432)),
        ("postgresql://u:p@127.0.0.1:7/d", Dedicated(port=7)),
        ("postgresql://u@127.0.0.1:7/d", Dedicated(password=False)),
    ],
    ids=str,
)
def test_what_is_as_it_was_asked_for_is_taken(url: str, dedicated: Dedicated) -> None:
    """The port may be that of the service where the URL names none."""
    check(url, dedicated)


@pytest.mark.parametrize(
    ("url", "dedicated", "provider", "told"),
    [
        (
            "postgresql://u:p@127.0.0.1:7/d",
            Dedicated(port=8),
            "explicit",
            "--port postgres=8: .* cannot use that port",
        ),
        ("postgresql://u:p@127.0.0.1/d", Dedicated(port=8), "explicit", "cannot use that port"),
        ("postgresql://u:p@127.0.0.1/d", Dedicated(password=False), "explicit", "--no-password: .* requires one"),
        ("postgresql://u:p@127.0.0.1/d", Dedicated(password=False), "docker", "has a password in its url_format"),
        ("postgresql:///d?host=/run/postgresql", Dedicated(), "explicit", "has no host name"),
        ("unix:///run/redis.sock", Dedicated(), "explicit", "has no host name"),
    ],
)
def test_what_is_not_is_refused(url: str, dedicated: Dedicated, provider: str, told: str) -> None:
    """With what is wrong, and without the password."""
    with pytest.raises(BadSetting, match=told) as caught:
        check(url, dedicated, provider)
    assert ":p@" not in str(caught.value)
