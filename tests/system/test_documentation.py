"""The pages of the documentation, followed from top to bottom: each command is run, and exits as the page says."""

from __future__ import annotations

import os
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.services import get
from tests.support.documented import PROJECT
from tests.support.needs import need
from tests.support.pages import BY_HAND, ROOT, SHELL, blocks, commands, pages

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 240.0
"""Bound on one page."""

_HEAD = """\
exits() {
    local status=$?
    ((status == $1)) || { printf '\\n%s: exit status %d in place of %d: %s\\n' "$2" "$status" "$1" "$3" >&2; exit 1; }
}
trap 'python -m test_framework clean --force >/dev/null 2>&1' EXIT
"""
_WHAT_TO_DO = """
A command of a page is run in a project of its own, with embedded servers and no network. One that cannot be run there
has a comment in the line above its block that names what runs it, and a text in that file that shows it:

    <!-- run by .ci/run: compose/images/build.sh -->
"""


def script(page: str) -> str:
    """Return what a reader of the page does, for bash; empty when there is nothing."""
    parts: list[str] = []
    for block in blocks(page):
        if block.proof:
            continue
        if block.file:
            parts.append(f"mkdir -p {Path(block.file).parent} && cat >>{block.file} <<'END_OF_FILE'")
            parts.append(f"{block.text}END_OF_FILE")
        elif block.language in SHELL:
            for command in commands(block):
                parts.append(command.text)
                parts.append(f"exits {command.status} {command.place} {shlex.quote(command.text)}")
    return "\n".join([_HEAD, *parts, ""]) if parts else ""


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder whose path is short enough for sockets, which servers of another user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="tf-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    """Return the environment of a reader who has installed everything, and whose machine has no Docker."""
    programs = [Path(sys.executable).parent, *(get(name).find_binary("", os.environ).path.parent for name in SERVERS)]
    for name in ("tmp", "run"):
        (home / name).mkdir()
    return {
        "PATH": ":".join([*map(str, programs), "/usr/local/bin:/usr/bin:/bin"]),
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "DOCKER_HOST": "unix:///nope.sock",
        "LANG": "C.UTF-8",
        # A machine that is busy when the second audit runs is no drift of the suite.
        "TEST_FRAMEWORK_HEALTH_DISCOVERY_NOISE_SECONDS": "3600",
        **{f"GIT_{who}_{what}": "reader@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }


SERVERS = ("postgres", "redis")


def follow(text: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script; where we may, in a network of its own, in which every port is free."""
    alone = []
    if os.geteuid() == 0:
        need("unshare", "ip")
        alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "-"]
    with subprocess.Popen(
        [*alone, "bash", "-c", text],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            told, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, told)


@pytest.mark.timeout(SECONDS + 30)
@pytest.mark.parametrize("page", [page for page in pages() if script(page)])
def test_every_command_of_the_page_runs(page: str, home: Path, env: dict[str, str]) -> None:
    """Blocks with the name of a file are written to it, commands are run, in the order of the page."""
    folder = home / "project"
    folder.mkdir()
    # The tutorial, and a page that makes a project, begin with nothing.
    makes_one = any(block.file == "pyproject.toml" and "[project]" in block.text for block in blocks(page))
    if not makes_one and "tutorial" not in page:
        for name, text in PROJECT.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "A project"]):
            subprocess.run(["git", *command], cwd=folder, env=env, check=True)
    result = follow(script(page), folder, env)
    assert result.returncode == 0, f"{result.stdout}\n{_WHAT_TO_DO}"


def test_a_command_that_fails_is_named(home: Path, env: dict[str, str]) -> None:
    """The page, the line and both exit statuses."""
    text = f"{_HEAD}\ntrue\nexits 0 page.md:1 true\nfalse\nexits 0 page.md:2 false\ntouch too-far\n"
    result = follow(text, home, env)
    assert result.returncode == 1
    assert "page.md:2: exit status 1 in place of 0: false" in result.stdout
    assert not (home / "too-far").exists()


@pytest.mark.parametrize("page", pages())
def test_what_a_page_says_to_be_run_elsewhere_is(page: str) -> None:
    """The file that the comment names is there, and has the text; by hand runs only what takes hours."""
    claims = [block for block in blocks(page) if block.proof]
    assert (page in BY_HAND) is any(block.proof.by_hand for block in claims if block.proof)
    assert [b.place for b in claims if b.proof and not b.proof.by_hand and not b.proof.holds] == []
    assert ROOT.joinpath(page).read_text(encoding="utf-8").count("<!-- run by ") == len(claims)


def test_the_picture_of_the_terminal_says_what_a_run_says() -> None:
    """`python docs/picture.py` would change nothing but numbers."""
    picture = runpy.run_path(str(ROOT / "docs" / "picture.py"))
    drawn = picture["text_of"](picture["PICTURE"].read_text(encoding="utf-8"))
    assert picture["plain"](drawn) == picture["plain"](picture["run"]())
