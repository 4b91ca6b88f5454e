"""Tests that will not be run: the rules, each with code on either side."""

from __future__ import annotations

from test_framework.audit.rules.rule import rule

NEVER_RUN = (
    rule(
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
    rule(
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
    rule(
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
    rule(
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
    rule(
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
    rule(
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
    rule(
        "yield-test",
        "A test with a yield",
        "To call it makes a generator and runs nothing; pytest took the support out in version 4. Since 8.4 it is an "
        "error of collection: at module level no test of the file runs, in a class none of the class.",
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
)
