"""What every page of HTML here has in common: everything is in the file, and nothing is fetched."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["breakable", "document", "region", "table"]

_STYLE = Path(__file__).with_suffix(".css")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def document(title: str, body: Iterable[str], skip: tuple[str, str], own: Path) -> str:
    """Return a page.

    Args:
        title: Of the page, and its first heading.
        body: The lines below it.
        skip: The first link for the keyboard: the id that it leads to, and its words.
        own: A path whose `.css` and `.js` are the page's own.
    """
    style = "".join(path.read_text(encoding="utf-8") for path in (_STYLE, own.with_suffix(".css")))
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f'<title>{escape(title)}</title><link rel="icon" href="data:,">',
        f"<style>\n{style}</style></head><body>",
        f'<a class="skip" href="#{skip[0]}">{escape(skip[1])}</a>',
        f"<main><h1>{escape(title)}</h1>",
        *body,
        "</main>",
        f"<script>\n{own.with_suffix('.js').read_text(encoding='utf-8')}</script></body></html>",
    ]
    return "\n".join(lines) + "\n"


def breakable(name: str) -> str:
    """Return the name of a test, a file or a module, which may go on in a new line after each of its parts."""
    return re.sub(r"(::|[/._\[])", r"\1<wbr>", escape(name))


def region(label: str, inner: Iterable[str]) -> Iterator[str]:
    """Yield a part that scrolls by itself, which the keyboard reaches."""
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
    yield from inner
    yield "</div>"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], left: Iterable[str] = ()) -> Iterator[str]:
    """Yield a table that scrolls by itself.

    Args:
        title: What it shows, for who does not see it.
        head: The titles of its columns, as text.
        rows: The cells, as HTML.
        left: Columns of words that may be long, beside the first one.
    """
    words = [' class="left"' if h in left else "" for h in head]

    def lines() -> Iterator[str]:
        heads = "".join(f'<th scope="col"{w}>{escape(h)}</th>' for h, w in zip(head, words, strict=True))
        yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
        for row in rows:
            yield f"<tr>{''.join(f'<td{w}>{cell}</td>' for cell, w in zip(row, words, strict=True))}</tr>"
        yield "</tbody></table>"

    yield from region(title, lines())
