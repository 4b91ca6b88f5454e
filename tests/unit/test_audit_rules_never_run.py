"""The rules for what pytest will not run, and for skips: finer cases on either side."""

from __future__ import annotations

from textwrap import dedent

import pytest

from test_framework.audit.rules import Patterns
from tests.support.alone import judged

TEST = "def test_a():\n    assert f()\n"


def rules(text: str, patterns: Patterns | None = None) -> list[str]:
    """Return the rules that fire on a file of this text."""
    return [rule for _, rule, _, _ in judged(dedent(text), patterns or Patterns())]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def helper():\n    assert f()\n",
        "class Helper:\n    def test_a(self):\n        assert f()\n",
        "from fastapi.testclient import TestClient\n",
        "test_data = [1, 2]\n",
    ],
)
def test_a_file_without_a_test(text: str) -> None:
    """Nothing of it is collected."""
    assert rules(text) == ["no-test"]


@pytest.mark.parametrize(
    "text",
    [
        TEST,
        "if X:\n    def test_a():\n        assert f()\n",
        "class TestA:\n    class TestB:\n        def test_a(self):\n            assert f()\n",
        "class A(unittest.TestCase):\n    def test_a(self):\n        assert f()\n",
        "from tests.shared import test_a\n",
        "from .shared import *\n",
        "class TestA(Shared):\n    pass\n",
        "test_a = make_test(1)\n",
        "globals()['test_a'] = 1\n",
        "__test__ = False\n",
    ],
)
def test_a_file_whose_tests_are_there_or_elsewhere(text: str) -> None:
    """Collected, or not to be known."""
    assert rules(text) == []


def test_the_settings_say_what_a_test_is() -> None:
    """Prefixes and patterns, as pytest takes them."""
    text = "class FooSpec:\n    def it_works(self):\n        f()\n"
    assert rules(text) == ["no-test"]
    assert rules(text, Patterns(("*Spec",), ("it_",))) == ["no-assertion"]
    assert rules(TEST, Patterns(("*Spec",), ("it_",))) == ["no-test"]


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("def test_b():\n    assert f()", ["nested-test"]),
        ("async def test_b():\n    assert f()", ["nested-test"]),
        ("@pytest.mark.slow\ndef test_b():\n    assert f()", ["nested-test"]),
        ("class TestB:\n    def test_b(self):\n        assert f()", ["nested-test"]),
        ("def test_b():\n    assert f()\ntest_b()", []),
        ("def test_b():\n    assert f()\nreturn test_b", []),
        ("@register\ndef test_b():\n    assert f()", []),
        ("def helper():\n    assert f()", []),
        ("class Fake:\n    def test_b(self):\n        assert f()\nFake()", []),
        ("x = '''\n    def test_b():\n        pass\n'''", []),
    ],
)
def test_a_test_inside_a_function(inner: str, found: list[str]) -> None:
    """One that nothing there uses is lost, whatever the function is."""
    body = "".join(f"    {line}\n" for line in inner.splitlines())
    assert rules(f"{TEST}\ndef helper_or_factory():\n{body}") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "class TestB:\n    def __new__(cls):\n        f()\n    def test_b(self):\n        assert f()\n",
            ["class-with-init"],
        ),
        ("@dataclass\nclass TestB:\n    x: int\n    def test_b(self):\n        assert f()\n", ["class-with-init"]),
        (
            "class TestB(TestCase):\n    def __init__(self):\n        f()\n    def test_b(self):\n        assert f()\n",
            [],
        ),
        ("class TestB:\n    def __init__(self):\n        f()\n", []),
        (
            "class TestB:\n    __test__ = False\n    def __init__(self): f()\n    def test_b(self): f()\n",
            [],
        ),
    ],
)
def test_a_class_that_pytest_cannot_make(text: str, found: list[str]) -> None:
    """Where it has tests, and is no case of unittest."""
    assert rules(TEST + text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "class TestA:\n    def test_b(self):\n        assert f()\n    def test_b(self):\n        assert g()\n",
            ["shadowed"],
        ),
        ("class TestA:\n    def test_b(self):\n        assert f()\n" * 2, ["shadowed"]),
        ("def test_b():\n    assert f()\nold = test_b\ndef test_b():\n    assert g()\n", []),
        ("@case.register\ndef test_b():\n    assert f()\n" * 2, []),
        ("try:\n    def test_b():\n        assert f()\nexcept E:\n    def test_b():\n        assert g()\n", []),
        ("class TestA:\n    def test_b(self):\n        assert f()\ndef test_b():\n    assert g()\n", []),
        ("def helper():\n    pass\n" * 2, []),
    ],
)
def test_a_definition_that_hides_another(text: str, found: list[str]) -> None:
    """In one block, with no use of the first between."""
    assert rules(TEST + text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@pytest.mark.skip()\ndef test_a():\n    assert f()\n", True),
        ("@pytest.mark.skip(reason='')\ndef test_a():\n    assert f()\n", True),
        ("@pytest.mark.skipif(f() > 1)\ndef test_a():\n    assert f()\n", True),
        ("@pytest.mark.xfail(run=False)\ndef test_a():\n    assert f()\n", True),
        ("pytestmark = [pytest.mark.skip]\ndef test_a():\n    assert f()\n", True),
        ("def test_a():\n    pytest.skip()\n    assert f()\n", True),
        ("def test_a():\n    if f():\n        raise unittest.SkipTest\n    assert f()\n", True),
        ("def test_a():\n    if f():\n        raise unittest.SkipTest('  ')\n    assert f()\n", True),
        ("def test_a():\n    if f():\n        raise unittest.SkipTest('on Windows')\n    assert f()\n", False),
        ("def test_a():\n    if f():\n        pytest.skip('  ')\n    assert f()\n", True),
        ("@pytest.mark.skip('why')\ndef test_a():\n    assert f()\n", False),
        ("@pytest.mark.skip(reason=WHY)\ndef test_a():\n    assert f()\n", False),
        ("@pytest.mark.skipif(X, reason='why')\ndef test_a():\n    assert f()\n", False),
        ("@pytest.mark.skipif('f() > 1')\ndef test_a():\n    assert f()\n", False),
        ("@pytest.mark.xfail\ndef test_a():\n    assert f()\n", False),
        ("def test_a():\n    pytest.skip(f'{x}')\n    assert f()\n", False),
        ("def test_a():\n    reader.skip()\n    assert f()\n", False),
    ],
)
def test_a_skip_without_a_reason(text: str, *, found: bool) -> None:
    """In each of its forms."""
    assert rules(text) == ["skip-without-reason"] * found


def test_empty_bodies_yields_and_verdicts() -> None:
    """What is empty, what never runs, and what pytest drops."""
    assert rules("def test_a(): ...\n") == rules("def test_a():\n    pass\n") == ["empty-body"]
    assert rules("def test_a():\n    '''>>> f()'''\n    assert f()\n") == []
    assert rules("@inline\ndef test_a():\n    yield f()\n    assert f()\n") == []
    assert rules("def test_a():\n    return f() == 1\n") == ["returned-check"]
    assert rules("def test_a():\n    def g():\n        return 1 == 1\n    assert g()\n    return None\n") == []
    assert rules("@image_compare\ndef test_a():\n    return f() == 1\n") == []
