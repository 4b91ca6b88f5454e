"""The rules for one test file: what each means, why it matters, and the code on either side of it."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from types import MappingProxyType

__all__ = ["RULES", "Rule"]

_ACCEPT = (
    "Where it is meant: `# audit: ok[{id}] why` on the line or on that of the `def`; "
    "`# audit: file-ok[{id}] why` in a line of its own for the file."
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, as `--explain` prints it; the examples are whole test files."""

    id: str
    title: str
    explanation: str
    example_bad: str
    example_good: str


def _rule(name: str, title: str, explanation: str, bad: str, good: str) -> Rule:
    text = f"{explanation} {_ACCEPT.format(id=name)}"
    return Rule(name, title, text, dedent(bad).strip() + "\n", dedent(good).strip() + "\n")


_ALL = (
    _rule(
        "no-test",
        "A test file without a test",
        "pytest imports the file and collects nothing, and says so nowhere. A file with tests from elsewhere "
        "(imported, made while it runs, in a class whose base is imported) is not reported.",
        """
        def helper():
            assert 1 + 1 == 2
        """,
        """
        from .shared import *
        """,
    ),
    _rule(
        "nested-test",
        "A test inside a function",
        "pytest looks for tests in modules and classes only. One that the function calls, returns or hands on is fine.",
        """
        def test_outer():
            assert add(1, 1) == 2
            def test_inner():
                assert add(1, 2) == 3
        """,
        """
        def test_outer():
            def test_inner():
                assert add(1, 2) == 3
            test_inner()
        """,
    ),
    _rule(
        "class-with-init",
        "A test class with a constructor",
        "pytest makes an object for each test without arguments: a class with `__init__` or `__new__` is left out,"
        " with a warning. A case of unittest may have one.",
        """
        class TestUser:
            def __init__(self):
                self.user = make_user()

            def test_name(self):
                assert self.user.name

        def test_make():
            assert make_user()
        """,
        """
        class TestUser:
            def setup_method(self):
                self.user = make_user()

            def test_name(self):
                assert self.user.name
        """,
    ),
    _rule(
        "fixture-named-test",
        "A fixture with the name of a test",
        "It looks as if it were run as a test and is not; a test that lost its way is often such a one.",
        """
        import pytest

        @pytest.fixture
        def test_user():
            return make_user()

        def test_name(test_user):
            assert test_user.name
        """,
        """
        import pytest

        @pytest.fixture
        def user():
            return make_user()

        def test_name(user):
            assert user.name
        """,
    ),
    _rule(
        "shadowed",
        "A test that a later one of the same name replaces",
        "Python keeps the last definition: the first never runs. Definitions in the branches of an `if` or a `try`"
        " are fine.",
        """
        def test_add():
            assert add(1, 1) == 2

        def test_add():
            assert add(1, 2) == 3
        """,
        """
        if FAST:
            def test_add():
                assert add(1, 1) == 2
        else:
            def test_add():
                assert add(1, 2) == 3
        """,
    ),
    _rule(
        "empty-parametrize",
        "A test parametrized with nothing",
        "With an empty list of values pytest skips the test, and the run is green.",
        """
        import pytest

        @pytest.mark.parametrize("number", [])
        def test_even(number):
            assert number % 2 == 0
        """,
        """
        import pytest

        @pytest.mark.parametrize("number", [2, 4])
        def test_even(number):
            assert number % 2 == 0
        """,
    ),
    _rule(
        "yield-test",
        "A test with a yield",
        "To call it makes a generator and runs nothing; pytest took the support out in version 4.",
        """
        def test_even():
            for number in (2, 4):
                yield check_even, number
        """,
        """
        def test_even():
            def numbers():
                yield 2
            for number in numbers():
                assert number % 2 == 0
        """,
    ),
    _rule(
        "no-assertion",
        "A test that asserts nothing",
        "It fails only when something raises. What counts as a check: `assert`, `raise`, `pytest.raises` and its "
        "like, and every call with a word such as assert, check, verify, expect, validate, ensure, fail, wait_for "
        "in its name; a helper, a fixture or a method of the file that has one; a snapshot or benchmark fixture. "
        "If that nothing raises is what the test is for, say so.",
        """
        def test_start():
            app = make_app()
            app.start()
        """,
        """
        def is_up(app):
            assert app.up

        def test_start():
            app = make_app()
            is_up(app)
        """,
    ),
    _rule(
        "constant-assertion",
        "A test whose assertions always hold",
        "`assert True`, a text, a tuple with the message in it, a name compared with itself, `... or True`. "
        "`assert False` says that a line is not to be reached: it counts. With another assertion beside it only "
        "the tuple is reported.",
        """
        def test_start():
            make_app().start()
            assert True
        """,
        """
        def test_start():
            if not make_app().start():
                assert False, "did not start"
        """,
    ),
    _rule(
        "swallowed-assertion",
        "An assertion whose failure is caught",
        "It stands in a `try` (or `suppress`) that catches AssertionError, by that name, as Exception or by a bare"
        " `except`, and the handler neither raises nor fails nor keeps what it has caught.",
        """
        def test_start():
            try:
                assert make_app().start()
            except Exception:
                print("did not start")
        """,
        """
        def test_start():
            try:
                assert make_app().start()
            except Exception:
                print("did not start")
                raise
        """,
    ),
    _rule(
        "failure-to-skip",
        "A failure that becomes a skip",
        "A handler for every exception that skips, or that returns, makes of each fault of the code a test that "
        "did not run. Handlers for single exceptions are fine.",
        """
        import pytest

        def test_start():
            try:
                app = make_app()
            except Exception as error:
                pytest.skip(f"no app: {error}")
            assert app.start()
        """,
        """
        import pytest

        def test_start():
            try:
                app = make_app()
            except ConnectionError as error:
                pytest.skip(f"no server: {error}")
            assert app.start()
        """,
    ),
    _rule(
        "empty-body",
        "A test with nothing in it",
        "Only `pass`, `...` or a docstring: it passes whatever the code does. A test that is to be written is "
        "skipped, with the reason.",
        """
        def test_start():
            \"\"\"The app starts.\"\"\"
        """,
        """
        import pytest

        @pytest.mark.skip(reason="to be written: #12")
        def test_start():
            \"\"\"The app starts.\"\"\"
        """,
    ),
    _rule(
        "helper-never-raises",
        "A helper that promises to check and cannot fail",
        "Its name starts with assert, check, verify, validate, ensure or expect, it only prints or returns its "
        "verdict, and a test drops what it returns. Known for helpers of the same file.",
        """
        def assert_up(app):
            return app.status == "up"

        def test_start():
            assert_up(make_app())
        """,
        """
        def check_up(app):
            return app.status == "up"

        def test_start():
            assert check_up(make_app())
        """,
    ),
    _rule(
        "returned-check",
        "A test that returns its verdict",
        "pytest drops what a test returns, with a warning at best: `return a == b` checks nothing.",
        """
        def test_start():
            return make_app().status == "up"
        """,
        """
        def test_start():
            assert make_app().status == "up"
        """,
    ),
    _rule(
        "skip-without-reason",
        "A skip that does not say why",
        "Nobody can tell when it may go. Counts for `skip`, `skipif`, `skipTest`, `SkipTest` and `xfail(run=False)`.",
        """
        import pytest

        @pytest.mark.skip
        def test_start():
            assert make_app().start()
        """,
        """
        import pytest

        @pytest.mark.skip(reason="the app has no stop yet: #12")
        def test_start():
            assert make_app().start()
        """,
    ),
    _rule(
        "suppression-without-reason",
        "A comment that accepts a finding and does not say why",
        "`# audit: ok[rule]` without a reason accepts nothing.",
        """
        def test_start():  # audit: ok[no-assertion]
            assert make_app().start()
        """,
        """
        def test_start():  # audit: ok[no-assertion] that nothing raises is the test
            make_app().start()
        """,
    ),
)

RULES: MappingProxyType[str, Rule] = MappingProxyType({rule.id: rule for rule in _ALL})
"""Every rule that `examine` knows, by its id."""
