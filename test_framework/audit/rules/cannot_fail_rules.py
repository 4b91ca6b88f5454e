"""Tests that cannot fail: the rules, each with code on either side."""

from __future__ import annotations

from test_framework.audit.rules.rule import rule

CANNOT_FAIL = (
    rule(
        "no-assertion",
        "A test that asserts nothing",
        "It fails only when something raises. What counts as a check: `assert`, `raise`, `pytest.raises` and its "
        "like, and every call with a word such as assert, check, verify, expect, validate, ensure, fail, wait_for "
        "in its name; a helper, a fixture or a method that has one, in this file or another one of the tests; in the "
        "code that is tested, a function that asserts and returns nothing; a snapshot or benchmark fixture. "
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
    rule(
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
    rule(
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
    rule(
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
    rule(
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
    rule(
        "helper-never-raises",
        "A helper that promises to check and cannot fail",
        "Its name starts with assert, check, verify, validate, ensure or expect, it only prints or returns its "
        "verdict, and a test drops what it returns. A helper of another file is told where a test relies on it; in the "
        "code that is tested only one whose name starts with assert.",
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
    rule(
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
    rule(
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
    rule(
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
