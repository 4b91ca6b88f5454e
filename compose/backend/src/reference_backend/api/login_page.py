"""The form of the development identity provider."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

__all__ = ["login_page"]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Log in (development)</title>
<style>body {{ font-family: sans-serif; max-width: 24rem; margin: 4rem auto }} label {{ display: block }}</style>
<h1>Development identity provider</h1>
<p>For development and tests only. {client} asks who you are.</p>
<p role="alert">{problem}</p>
<form method="post" action="authorize">
{hidden}
<label>Address <input name="email" type="email" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button>
</form>
</html>
"""


def login_page(parameters: Mapping[str, str], problem: str) -> tuple[str, dict[str, str]]:
    """Return the page and its headers; what the request brought is escaped."""
    hidden = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in parameters.items()
    )
    page = _PAGE.format(client=escape(parameters.get("client_id", "")), problem=escape(problem), hidden=hidden)
    return page, _HEADERS
