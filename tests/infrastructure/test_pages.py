"""The Markdown pages: their links, and their examples as far as these need no server."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from test_framework.config import BadSetting, load
from test_framework.plugin import options
from tests.support.pages import ROOT, SHELL, Block, blocks, commands, pages

if TYPE_CHECKING:
    from pathlib import Path

FENCED = re.compile(r"^( *)```.*?^\1```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
MARKDOWN = [*pages(), "CHANGELOG.md"]


def anchors(text: str) -> set[str]:
    """Return what a link to this page may have after `#`, as GitHub makes it of the headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number = 0
        while (unique := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(unique)
    return found


def of(*languages: str) -> list[Block]:
    """Return the blocks of all pages that are in one of the languages."""
    return [block for page in MARKDOWN for block in blocks(page, *languages)]


def named(block: Block) -> str:
    """Return the name of a case."""
    return block.place


@pytest.mark.parametrize("page", MARKDOWN)
def test_every_link_leads_somewhere(page: str) -> None:
    """A relative link names a file that is there, and what follows `#` is one of its headings."""
    text = (ROOT / page).read_text(encoding="utf-8")
    wrong = []
    for link in LINK.findall(FENCED.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            wrong.append(link)
    assert wrong == []


def test_every_option_of_pytest_is_named_where_two_may_clash() -> None:
    """And none that is not there."""
    parser = pytest.Parser(_ispytest=True)
    options.add(parser)
    there = {name for option in parser.getgroup("test framework").options for name in option.names()}
    text = (ROOT / "docs/how-to/adopt.md").read_text(encoding="utf-8").rpartition("\n## ")[2]
    assert set(re.findall(r"`(--[\w-]+)`", text)) == there


def test_anchors_are_those_of_headings() -> None:
    """Punctuation goes, a second heading of the same name is numbered, and a comment in a block is none."""
    text = "# A `b.c`, d\n\n```sh\n# no heading\n```\n\n## Twice\n\n## Twice\n"
    assert anchors(text) == {"a-bc-d", "twice", "twice-1"}


@pytest.mark.parametrize("block", of("toml"), ids=named)
def test_every_toml_is_valid(block: Block, tmp_path: Path) -> None:
    """It parses, and the settings take what is theirs: an unknown key or a value of another type would be refused."""
    told = tomllib.loads(block.text)
    if "tool" in told:
        (tmp_path / "pyproject.toml").write_text(block.text, encoding="utf-8")
        load(tmp_path, {})


def test_a_setting_that_is_none_would_be_noticed(tmp_path: Path) -> None:
    """The settings refuse it, so the test above can fail."""
    (tmp_path / "pyproject.toml").write_text("[tool.test_framework]\nprovider = []\n", encoding="utf-8")
    with pytest.raises(BadSetting, match="provider"):
        load(tmp_path, {})


@pytest.mark.parametrize("block", of("python"), ids=named)
def test_every_python_example_parses(block: Block) -> None:
    """It is Python."""
    assert ast.parse(block.text).body


@pytest.mark.parametrize("block", of(*SHELL), ids=named)
def test_every_shell_block_has_a_command(block: Block) -> None:
    """A block in which nothing is typed is output, and has another language."""
    assert list(commands(block))
