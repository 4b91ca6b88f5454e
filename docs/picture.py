"""Writes docs/terminal.svg, the README's picture of the terminal, from a real run: `python docs/picture.py`.

Needs rich (group `docs`). The run is that of a small project on a machine without Docker, with embedded servers. A test
of the integration tier runs it again, and fails when the picture says something else, but for numbers.
"""

from __future__ import annotations

import html
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PICTURE = HERE / "terminal.svg"
COLUMNS = 100
COMMAND = "pytest --tier integration"

TESTS = """\
from redis import Redis


def test_a_book_is_kept(postgres_connection):
    postgres_connection.execute("CREATE TABLE book (title text)")
    postgres_connection.execute("INSERT INTO book VALUES ('Kindred')")
    assert postgres_connection.execute("SELECT title FROM book").fetchall() == [("Kindred",)]


def test_a_key_is_kept(redis_db):
    with Redis.from_url(redis_db.url) as client:
        assert client.set("title", "Kindred")
"""

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_LEFT_OUT = re.compile(r"platform |rootdir: |configfile: |plugins: |-+ generated xml file|test framework: ")
_ASKED_FOR = re.compile(r" \(asked for [^)]*\)")
"""Over several lines, if it is long; whether it is there depends on which servers this machine has."""

_NUMBER = re.compile(r"\d+(?:\.\d+)*")


def run() -> list[str]:
    """Return the lines that the terminal shows, with their colours; without what names this machine."""
    with tempfile.TemporaryDirectory(prefix="tf-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # servers of another user pass through it
        (folder / "pyproject.toml").write_text("[tool.test_framework]\nidle_seconds = 0\n", encoding="utf-8")
        (folder / "tests" / "integration").mkdir(parents=True)
        (folder / "tests" / "integration" / "test_shop.py").write_text(TESTS, encoding="utf-8")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TEST_FRAMEWORK_", "PYTEST_", "CI", "GITHUB_"))}
        env |= {"DOCKER_HOST": "unix:///run/no-engine.sock", "COLUMNS": str(COLUMNS), "PY_COLORS": "1"}
        env |= {"XDG_RUNTIME_DIR": name, "TMPDIR": name, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, "-m", "pytest", "-p", "test_framework.plugin", *COMMAND.split()[1:]]
        result = subprocess.run(  # noqa: S603  # ours
            command, cwd=folder, env=env, capture_output=True, text=True, check=True, timeout=100
        )
    lines = [line for line in result.stdout.splitlines() if not _LEFT_OUT.match(_ESCAPE.sub("", line))]
    return [f"$ {COMMAND}", *lines]


def plain(lines: list[str]) -> list[str]:
    """Return the lines without colours, with the same text for all numbers, and none that is empty."""
    text = _ASKED_FOR.sub("", _ESCAPE.sub("", "\n".join(lines)))
    found = _NUMBER.sub("0", text).splitlines()
    # The rules on both sides of a heading grow with the room that its text leaves.
    return [text for line in found if (text := re.sub(r"={3,}", "===", line).rstrip())]


def draw(lines: list[str]) -> str:
    """Return the picture, which fetches nothing."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=False)
    template = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.S)
    return console.export_svg(title="a machine without Docker", code_format=template, unique_id="terminal") + "\n"


def text_of(picture: str) -> list[str]:
    """Return the lines of a picture."""
    found: dict[int, list[tuple[float, str]]] = {}
    for x, line, text in re.findall(r'<text [^>]*x="([\d.]+)"[^>]*-line-(\d+)\)"[^>]*>(.*?)</text>', picture):
        found.setdefault(int(line), []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    width = 12.2  # of a column, in rich's pictures
    lines = []
    for _, parts in sorted(found.items()):
        line = ""
        for x, text in sorted(parts):
            line = line.ljust(round(x / width)) + text
        lines.append(line)
    return lines


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(draw(run()), encoding="utf-8")


if __name__ == "__main__":
    main()
