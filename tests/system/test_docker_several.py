"""Several sockets: the first healthy one wins, and one that hangs does not hold up the others."""

from __future__ import annotations

import socket

import pytest

from test_framework.providers.docker.probe import try_each
from test_framework.resolution import Code, Refused
from tests.support.engines import PATIENT, Net, Talk, answer, drip, ends_soon, silent, sockets

_MANY = 40
"""With a second for each it would be long past `ends_soon`."""


class TestSeveral:
    """Several sockets, one deadline."""

    def test_first_healthy_one_wins(self, net: Net) -> None:
        """The preferred engine is used, and the next one is not even contacted."""
        later = Talk()

        engine = try_each(sockets(net.unix(Talk()), net.unix(later)), {}, seconds=PATIENT)

        assert engine.candidate.source == "socket 1"
        assert later.heard == []

    def test_fault_lets_the_next_one_start_at_once(self, net: Net) -> None:
        """Missing, stale and foreign sockets cost nothing to the healthy one after them."""
        stale = net.path()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(stale))
        foreign = net.unix(Talk(ping=answer(b"", "404 Not Found")))

        with ends_soon():
            engine = try_each(sockets(net.path(), stale, foreign, net.unix(Talk())), {}, seconds=PATIENT)

        assert engine.candidate.source == "socket 4"

    def test_hung_ones_leave_time_for_a_healthy_one(self, net: Net) -> None:
        """A healthy engine after several hung ones is found within the time for all of them."""
        hung = [net.unix(silent), net.unix(drip), net.path()]
        net.full(socket.AF_UNIX, str(hung[2]))

        engine = try_each(sockets(*hung, net.unix(Talk())), {}, seconds=4)

        assert engine.candidate.source == "socket 4"

    def test_slow_one_is_preferred_to_a_fast_one_after_it(self, net: Net) -> None:
        """On a busy machine the order still decides: the first may take its time."""
        engine = try_each(sockets(net.unix(Talk(wait=0.1)), net.unix(Talk())), {}, seconds=PATIENT)

        assert engine.candidate.source == "socket 1"

    def test_all_hung_take_one_budget(self, net: Net) -> None:
        """Several hung sockets together take no longer than one."""
        hung = [net.unix(silent) for _ in range(_MANY)]

        with ends_soon(), pytest.raises(Refused) as caught:
            try_each(sockets(*hung), {})

        assert caught.value.reason.code is Code.DAEMON_HUNG

    def test_most_telling_reason_is_given(self, net: Net) -> None:
        """A fault of a socket that exists is told before a missing one, and all others are named with their codes."""
        missing, stale, gone = net.path(), net.path(), net.path()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(stale))
        error = net.unix(Talk(ping=answer({"message": "no space"}, "500 Internal Server Error")))

        with pytest.raises(Refused) as caught:
            try_each(sockets(missing, stale, error, gone), {})

        reason = caught.value.reason
        assert reason.code is Code.DAEMON_ERROR
        assert f"unix://{error} (from socket 3)" in reason.message
        others = f"also tried: socket-missing: {missing}, {gone}; daemon-not-running: {stale}"
        assert others in reason.message

    def test_first_missing_socket_is_told_when_all_are(self, net: Net) -> None:
        """With no socket at all the default one is named first."""
        first, second = net.path(), net.path()

        with pytest.raises(Refused) as caught:
            try_each(sockets(first, second), {})

        assert caught.value.reason.code is Code.SOCKET_MISSING
        assert f"at unix://{first}" in caught.value.reason.message
        assert f"socket-missing: {second}" in caught.value.reason.message
