"""Faults of the pages: a name becomes markup, or there is no page and nobody says why."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_TEXT = ("tests/unit/test_report_page.py::test_a_name_is_text",)

MUTANTS = (
    Mutant(
        "a test, a tier or a message becomes markup of a page",
        "test_framework/report/html.py",
        "autoescape=True",
        "autoescape=False",
        _TEXT,
    ),
    Mutant(
        "a name of a test that can be broken becomes markup of a page",
        "test_framework/report/html.py",
        "str(escape(name))",
        "name",
        _TEXT,
    ),
    Mutant(
        "a name of a test that can be broken is escaped twice on a page",
        "test_framework/report/html.py",
        "str(escape(name))",
        "str(escape(escape(str(escape(name)))))",
        _TEXT,
    ),
    Mutant(
        "a name of a test ends the data of a page",
        "test_framework/report/page/data.py",
        '.replace("<", "\\\\u003c")',
        "",
        _TEXT,
    ),
    Mutant(
        "a page cannot be made for want of a library, and there is a traceback",
        "test_framework/report/html.py",
        "    except ImportError as error:",
        "    except ZeroDivisionError as error:",
        ("tests/unit/test_report_cli.py::test_without_jinja2_it_says_what_to_install",),
    ),
    Mutant(
        "a run that lacks the library of its page speaks of a class",
        "test_framework/plugin/outputs.py",
        "except (ValueError, BadSetting) as error:",
        "except ValueError as error:",
        ("tests/unit/test_report_plugin.py::test_a_run_that_cannot_write_the_page_for_want_of_jinja2",),
    ),
)
