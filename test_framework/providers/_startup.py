"""What docker and embedded share: waiting, with a bound, until a server that starts is healthy."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from test_framework.image_name import names_valkey, tag_of
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.version import VALKEY, satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_framework.contracts import Context, Service

_PAUSE = 0.01
_ASK_SECONDS = 5.0
_SAY_AFTER = 2.0


def wait_healthy(  # noqa: PLR0913  # three questions to one server
    service: Service,
    provider: str,
    url: str,
    context: Context,
    *,
    died: Callable[[], str | None],
    log: Callable[[], str],
    before_check: Callable[[], None] = lambda: None,
    logs_say: Callable[[], bool] = lambda: True,
) -> str:
    """Ask until the server answers a real query; return its version, empty when it cannot be told.

    Args:
        service: What is asked.
        provider: Its name, for the reason.
        url: Where.
        context: Holds the bound, `start_seconds`.
        died: Returns how the server ended, or None while it runs.
        log: Returns the end of its log.
        before_check: Called before each question; what it raises means "not yet".
        logs_say: Whether the server's log says that it is worth asking.

    Raises:
        Refused: `start-failed` when it ended or refuses our password, `health-timeout` when time is over,
            `disk-full` when its log says so.
    """
    bound = context.settings.start_seconds
    begin = time.monotonic()
    where = {"service": service.name, "provider": provider}
    last, said = "no answer yet", 0.0
    while (waited := time.monotonic() - begin) < bound:
        if ended := died():
            text = log()
            code = Code.DISK_FULL if "No space left on device" in text else Code.START_FAILED
            raise Refused(Reason.of(code, error=ended, what=f"{service.name} on {provider}", **where), log=text)
        try:
            before_check()
            if not logs_say():
                raise _NotYet
            return service.check(url, provider, min(_ASK_SECONDS, bound), context.env)
        except _NotYet:
            last = "its log does not say what `ready` waits for"
        except Refused as refused:
            if refused.reason.code is Code.LOGIN_FAILED:
                raise Refused(Reason.of(Code.START_FAILED, error=refused.reason.message, **where), log()) from refused
            last = refused.reason.message
        except Exception as error:  # noqa: BLE001  # a starting server fails in many ways; the bound ends it
            last = str(error)
        if waited - said > _SAY_AFTER:
            said = waited
            context.progress(f"{service.name} on {provider}: waiting for its first answer ({waited:.0f} s)")
        time.sleep(_PAUSE)
    raise Refused(Reason.of(Code.HEALTH_TIMEOUT, seconds=bound, error=last, **where), log=log())


@contextmanager
def blaming_options(service: Service, provider: str, context: Context) -> Iterator[None]:
    """Raise a start that fails in the block as `option-refused`, where the server's log blames an option for it."""
    try:
        yield
    except Refused as refused:
        if refused.reason.code in (Code.START_FAILED, Code.HEALTH_TIMEOUT):
            for name, value in context.settings.service(service.name).options.items():
                if told := _blamed(name, value, refused.log):
                    source = context.settings.origin(f"services.{service.name}.options")
                    fields = {"service": service.name, "provider": provider, "source": source, "error": told}
                    reason = Reason.of(Code.OPTION_REFUSED, option=name, value=value, **fields)
                    raise Refused(reason, refused.log) from refused
        raise


def _blamed(name: str, value: str, log: str) -> str:
    """Return what the log of a server that has not started says of one of its options; empty where it says nothing."""
    lines = log.splitlines()
    # Of a file that is missing, as of a library, the value alone is told.
    named = re.compile(rf"(?<![\w.-])({re.escape(name)}|\"{re.escape(value)}\")(?![\w-])", re.I)
    for number, line in enumerate(lines):
        if _COMPLAINT.search(line) and named.search(line):
            after = lines[number + 1 : number + 2]
            # Redis shows the line of its configuration first, and then what is wrong with it.
            return " ".join(_STAMP.sub("", _COMPLAINT.sub("", part, count=1)).strip() for part in (line, *after))
    return ""


_COMPLAINT = re.compile(r"^.*?\b(FATAL|PANIC|ERROR|HINT):|^(\d+:\w .*# )?>>>")
"""How the lines begin in which Postgres and Redis say why they do not start."""

_STAMP = re.compile(r"^\d+:\w .*?# ")
"""How a warning begins in Redis' log."""


class _NotYet(Exception):
    """The server's log does not have its ready line yet."""


def wanted_version(service: Service, context: Context) -> str:
    """Return the version that the settings ask for: `version`, else the major version in the image's tag.

    An image is of a version in all its parts, and what stands in for it need be of the same major version alone;
    whoever needs more says so by `version`.
    """
    table = context.settings.service(service.name)
    if table.version:
        return table.version
    image = table.image or service.default_image
    number = tag_of(image).partition(".")[0].partition("-")[0]
    product = f"{VALKEY} " if names_valkey(image) else ""
    return f"{product}{number}" if number.isdigit() else ""


def check_version(service: Service, version: str, context: Context) -> str:
    """Return a note when the version is not the one asked for; empty if it is, or if it is unknown.

    Raises:
        Refused: `version-mismatch`, when the settings refuse it.
    """
    wanted = wanted_version(service, context)
    if not wanted or (version and satisfies(version, wanted)):
        return ""
    if context.settings.service(service.name).major_mismatch == "refuse":
        found = version or "of an unknown version"
        raise Refused(Reason.of(Code.VERSION_MISMATCH, service=service.name, found=found, wanted=wanted))
    return f"asked for {wanted}" if version else ""
