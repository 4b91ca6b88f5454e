"""Asks whether a usable engine is there: two small questions, one deadline, and one reason when there is none.

The docker SDK is not used for it: importing it costs 170 ms, it waits 60 s for a daemon that hangs, and every fault
is one exception to it.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

from test_framework.providers.docker import answers
from test_framework.providers.docker.channel import LOGIN_SECONDS, Clock
from test_framework.providers.docker.endpoint import Candidate, candidates
from test_framework.providers.docker.session import EngineSession
from test_framework.providers.docker.transport import absence
from test_framework.resolution import Code, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_SECONDS = 1.0
_HEAD_START = 0.5
"""The share of the time in which only preferred candidates count: a healthy one answers in milliseconds."""

_WORKING_TIME = 0.97
"""The share of the time after which a candidate gives up, so that it has closed its connection before the end."""

_MOST_TELLING = (
    Code.PERMISSION_DENIED,
    Code.DAEMON_HUNG,
    Code.DAEMON_ERROR,
    Code.DOCKER_FORBIDDEN,
    Code.WINDOWS_CONTAINERS,
    Code.API_MISMATCH,
    Code.NOT_DOCKER,
    Code.DAEMON_NOT_RUNNING,
)
"""Which fault of several sockets is told first: an engine that nearly works before one that is merely off."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker engine that answered and can be used.

    Attributes:
        candidate: Where it is.
        version: Its own version, such as `28.2.2`.
        api_version: The newest API it speaks, such as `1.50`.
        os_type: The system of its containers; always `linux`.
        product: What it is.
    """

    candidate: Candidate
    version: str
    api_version: str
    os_type: str
    product: Literal["Docker", "Podman"]

    def environment(self) -> dict[str, str]:
        """Return the variables with which the docker SDK and CLI reach this very engine.

        All are always there: an empty one overrides another value, and both programs take it as unset.
        `DOCKER_TLS` is how the CLI is told of TLS without verification; the SDK goes by `DOCKER_CERT_PATH`.
        """
        tls = self.candidate.tls
        return {
            "DOCKER_HOST": self.candidate.host,
            "DOCKER_TLS_VERIFY": "1" if tls and tls.verify else "",
            "DOCKER_TLS": "1" if tls else "",
            "DOCKER_CERT_PATH": str(tls.ca.parent) if tls else "",
        }


def probe(env: Mapping[str, str], home: Path | None = None, *, seconds: float = _SECONDS) -> Engine:
    """Find the engine that the docker CLI would use, else another one that is there, and ask it who it is.

    Args:
        env: Environment variables; `os.environ` is neither read nor changed.
        home: The user's home folder; by default `HOME` of `env`, else that of the user database.
        seconds: The time for all candidates and all questions together. An engine behind ssh has `LOGIN_SECONDS`,
            if its machine speaks within that time.

    Raises:
        Refused: No usable engine. The reason is the most telling one; it names the other addresses tried.
    """
    return try_each(candidates(env, home or home_of(env)), env, seconds=seconds)


def try_each(tried: Sequence[Candidate], env: Mapping[str, str], *, seconds: float = _SECONDS) -> Engine:
    """Return the first healthy engine of the candidates, which are in the order of preference.

    Args:
        tried: The candidates; at least one.
        env: The environment for the ssh program.
        seconds: The time for all of them together.

    Raises:
        Refused: As `probe`.
    """
    ends = time.monotonic() + seconds
    absent = {candidate: why for candidate in tried if (why := absence(candidate))}
    race = _Race([candidate for candidate in tried if candidate not in absent], env, ends, seconds)
    if engine := race.run():
        return engine
    answered = [candidate for candidate in tried if candidate in race.faults]
    chosen = min(answered or tried, key=lambda candidate: _rank(race.faults.get(candidate)))
    raise Refused(_also({**absent, **race.faults}, chosen, tried))


def ask(engine: Engine, path: str, seconds: float, env: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Ask the engine one question of its API.

    Args:
        engine: Which engine.
        path: The resource, such as `/images/NAME/json`, quoted; the engine answers in its newest version.
        seconds: The time for the whole answer.
        env: The environment for the ssh program, by default that of this process.

    Returns:
        The HTTP status and the JSON object of the answer, empty where it is none.

    Raises:
        Refused: There was no answer, or it was not HTTP.
    """
    clock = Clock(engine.candidate, time.monotonic() + seconds * _WORKING_TIME, seconds)
    session = EngineSession(engine.candidate, os.environ if env is None else env, clock)
    results: SimpleQueue[tuple[None, Any]] = SimpleQueue()
    _in_thread(results, None, session, lambda: session.get(path))
    try:
        response = _value(results.get(timeout=_at_most(engine.candidate, seconds))[1])
    except Empty:
        raise Refused(clock.late) from None
    return response.status, answers.json_object(response)


class _Race:
    """Asks the candidates in order, and does not let one that hangs use up the time of the next.

    A fault lets the next one start. When half of the time is gone, all that are left start together, and the
    first healthy answer counts. Earlier would be a gamble on a busy machine; and a question wakes a Podman that
    systemd starts on demand, so nobody is asked without need.
    """

    def __init__(self, waiting: Iterable[Candidate], env: Mapping[str, str], ends: float, seconds: float) -> None:
        self.faults: dict[Candidate, Reason] = {}
        self._waiting = list(waiting)
        self._env = env
        self._ends = ends
        self._seconds = seconds
        self._running: dict[Candidate, Clock] = {}
        self._results: SimpleQueue[tuple[Candidate, Any]] = SimpleQueue()

    def run(self) -> Engine | None:
        """Return the first healthy engine, or None with a fault for each candidate."""
        head_start_ends = self._ends - self._seconds * (1 - _HEAD_START)
        while self._running or self._waiting:
            if not self._running:
                self._start(self._waiting.pop(0))
            until = head_start_ends if self._waiting else self._all_end()
            try:
                candidate, outcome = self._results.get(timeout=max(0, until - time.monotonic()))
            except Empty:
                if not self._waiting:
                    break
                while self._waiting:
                    self._start(self._waiting.pop(0))
                continue
            del self._running[candidate]
            try:
                engine: Engine = _value(outcome)
            except Refused as refused:
                self.faults[candidate] = refused.reason
            else:
                return engine
        self.faults.update((candidate, clock.late) for candidate, clock in self._running.items())
        return None

    def _all_end(self) -> float:
        """Return when the last of those that run has to be done."""
        return self._ends - self._seconds + max(_at_most(candidate, self._seconds) for candidate in self._running)

    def _start(self, candidate: Candidate) -> None:
        now = time.monotonic()
        clock = Clock(candidate, now + (self._ends - now) * _WORKING_TIME, self._seconds)
        self._running[candidate] = clock
        session = EngineSession(candidate, self._env, clock)
        _in_thread(self._results, candidate, session, lambda: _identify(candidate, session, clock))


def _identify(candidate: Candidate, session: EngineSession, clock: Clock) -> Engine:
    ping = session.get("/_ping")
    answers.check_ping(candidate, ping)
    clock.hung("it answered /_ping, and not /version")
    found = answers.read_version(candidate, ping, session.get("/version"))
    return Engine(candidate, found.version, found.api_version, found.os_type, found.product)


def _in_thread(
    results: SimpleQueue[Any], key: Candidate | None, session: EngineSession, work: Callable[[], object]
) -> None:
    """Run `work` in a thread that may be left behind: nothing else bounds the resolver's time."""

    def run() -> None:
        outcome: object
        try:
            with closing(session):
                outcome = work()
        except Exception as error:  # noqa: BLE001 - raised again by `_value`
            outcome = error
        results.put((key, outcome))

    Thread(target=run, daemon=True, name="docker probe").start()


def _value(outcome: Any) -> Any:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _at_most(candidate: Candidate, seconds: float) -> float:
    """Return how long an answer that has so many seconds may take: through ssh, more, once ssh is heard of."""
    return max(seconds, LOGIN_SECONDS) if candidate.host.startswith("ssh://") else seconds


def _rank(why: Reason | None) -> int:
    return _MOST_TELLING.index(why.code) if why and why.code in _MOST_TELLING else len(_MOST_TELLING)


def _also(reasons: Mapping[Candidate, Reason], chosen: Candidate, tried: Iterable[Candidate]) -> Reason:
    """Return the reason of the chosen candidate, with every other address under its code."""
    others: dict[Code, list[str]] = {}
    for candidate in tried:
        if candidate != chosen:
            others.setdefault(reasons[candidate].code, []).append(candidate.path or candidate.host)
    if not others:
        return reasons[chosen]
    text = "; ".join(f"{code}: {', '.join(paths)}" for code, paths in others.items())
    return replace(reasons[chosen], message=f"{reasons[chosen].message} (also tried: {text})")


def home_of(env: Mapping[str, str]) -> Path:
    """Return the user's home folder: `HOME`, else that of the user database, else the root."""
    if env.get("HOME"):
        return Path(env["HOME"])
    try:
        return Path.home()
    except RuntimeError:
        # A container may run as a user whom no database knows.
        return Path("/")
