"""What every page of HTML here has in common: it is made of templates, everything is in it, and nothing is fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework.config import BadSetting
from test_framework.report.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from markupsafe import Markup

_SHARED = Path(__file__).with_name("html.css")


def render(own: Path, filters: Mapping[str, Callable[..., str]], **values: Any) -> str:
    """Return a page.

    Args:
        own: A path whose `.html` is its template, which extends `base.html`, and whose `.css` and `.js` are its own.
        filters: What makes text of values, beside what all pages have.
        values: What the template shows, all of it as text.

    Raises:
        BadSetting: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise BadSetting("a page needs jinja2, which is not installed: pip install 'pytest-tiers[report]'") from error
    templates = Environment(
        loader=FileSystemLoader([own.parent, _SHARED.parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"breakable": _breakable, "plural": plural, **filters}
    style = "".join(path.read_text(encoding="utf-8") for path in (_SHARED, own.with_suffix(".css")))
    script = own.with_suffix(".js").read_text(encoding="utf-8")
    page = templates.get_template(own.with_suffix(".html").name)
    return page.render(values, style=Markup(style), script=Markup(script))  # noqa: S704  # files of ours


def _breakable(name: str) -> Markup:
    """Return the name of a test, a file or a module, which may go on in a new line after each of its parts."""
    from markupsafe import Markup, escape

    escaped = str(escape(name))  # which does not escape what is put into it
    return Markup(re.sub(r"(::|[/._\[])", r"\1<wbr>", escaped))  # noqa: S704  # see above
