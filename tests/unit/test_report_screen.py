"""Texts on a terminal: as wide as they are shown, whole where they must be, and no more than a screen of them."""

from __future__ import annotations

import pytest

from test_framework.report.screen import Block, cells, fitted, plain, wrapped


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("日本語", 6), ("e\N{COMBINING ACUTE ACCENT}", 1), ("ﬀ\N{ZERO WIDTH JOINER}", 1), ("✓", 1), ("🐘", 2)],
)
def test_cells(text: str, width: int) -> None:
    """A terminal gives two to a wide character and none to one that adds to the one before."""
    assert cells(text) == width


def test_nothing_commands_the_terminal() -> None:
    """Colours, bells and lines of what a test says are no part of its words."""
    assert plain("\x1b[31mred\x1b[0m\n\tand\x07 \x9b1mnot\r") == "[31mred [0m and 1mnot"


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    """Whatever is in it, and nothing of it is lost."""
    text = f"one two 日本語日本語日本語日本語 three {'x' * 95} {'ü' * 30} {'語' * 30} four"
    lines = wrapped(text, columns, "  ")
    assert max(map(cells, lines)) <= columns
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(line.startswith("    ") for line in lines[1:])


def test_words_stay_whole() -> None:
    """Lines end between them; a word that is longer than a line is broken only where that is allowed."""
    assert wrapped("a bc def ghij", 12) == ["a bc def", "  ghij"]
    url = "postgresql://app@127.0.0.1:5499/tf_7"
    assert wrapped(f"see {url} now", 20, break_words=False) == ["see", f"  {url}", "  now"]
    assert wrapped(f"see {url}", 20) == ["see", f"  {url[:18]}", f"  {url[18:]}"]


def lines(*blocks: Block, rows: int, columns: int = 40) -> list[str]:
    """Return the lines without their markup."""
    return [line for line, _ in fitted(blocks, columns, rows)]


def test_what_fits_is_whole() -> None:
    """With titles, and nothing of a block without items."""
    found = list(fitted([Block("", ["red"], markup={"red": True}), Block("no", []), Block("why:", ["a", "b"])], 40, 4))
    assert found == [("red", {"red": True}), ("why:", {}), ("  a", {}), ("  b", {})]


def test_the_longest_is_cut_first() -> None:
    """Until it fits, and says how much is left out, and where it is."""
    verdict, short = Block("", ["red"]), Block("do:", ["x", "y"])
    long = Block("why:", [f"reason {n}" for n in range(5000)], "more, in it.json")
    told = lines(verdict, long, short, rows=9)
    assert told[:6] == ["red", "why:", "  reason 0", "  reason 1", "  reason 2", "  and 4,997 more, in it.json"]
    assert told[6:] == ["do:", "  x", "  y"]


def test_nothing_is_left_out_for_no_room() -> None:
    """A single line is not replaced by one that says that it is missing."""
    assert lines(Block("", ["a", "b"]), Block("", ["c", "d", "e"]), rows=4) == ["a", "b", "c", "and 2 more"]


def test_one_of_each_is_always_there() -> None:
    """However small the screen."""
    blocks = [Block(f"{n}:", ["x", "y", "z"]) for n in range(3)]
    assert [line for line in lines(*blocks, rows=1) if line == "  x"] == ["  x"] * 3


def test_an_item_is_cut_at_its_rows() -> None:
    """Within the width, wide characters too; one that must be whole is not."""
    for text in ("word " * 99, "語" * 99):
        told = lines(Block("why:", [text]), rows=20)
        assert len(told) == 3
        assert told[-1].endswith(" …")
        assert max(map(cells, told)) <= 40
    url = f"postgresql://{'x' * 300}"
    assert lines(Block("kept:", [f"{url} (test)"], rows=None), rows=20) == ["kept:", f"  {url}", "    (test)"]


def test_what_the_terminal_continues_counts() -> None:
    """A URL of a hundred cells takes three lines of forty."""
    urls = Block("kept:", [f"{n}{'x' * 97}" for n in range(5)], rows=None)
    assert len(lines(urls, rows=10)) == 4  # the title, two of three lines each, and how many more
