"""The rules for one test file: each on its own two examples, and finer cases on either side."""

from __future__ import annotations

from textwrap import dedent

import pytest

from test_framework.audit.rules import RULES, FileFindings, Patterns, Rule, examine
from tests.support.alone import judged


def rules(text: str) -> list[str]:
    """Return the rules that fire on a file of this text, alone in its project."""
    return [rule for _, rule, _, _ in judged(dedent(text))]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_each_rule_on_its_own_examples(rule: Rule) -> None:
    """It alone fires on the bad one, nothing on the good one, and it says how to accept it."""
    assert rules(rule.example_bad) == [rule.id]
    assert rules(rule.example_good) == []
    assert f"audit: ok[{rule.id}]" in rule.explanation


def in_test(body: str) -> str:
    """Return a file with one test of this body."""
    return "import pytest\n\n\ndef test_it(thing):\n" + "".join(f"    {line}\n" for line in body.splitlines())


CHECKS = [
    "assert thing",
    "with pytest.raises(ValueError):\n    thing()",
    "pytest.deprecated_call(thing)",
    "thing.mock.assert_called_once()",
    "np.testing.assert_allclose(thing, 1)",
    "check_it(thing)",
    "if not thing:\n    raise AssertionError",
    "subprocess.run(thing, check=True)",
    "warnings.simplefilter('error')",
    "def inner():\n    assert thing\ninner()",
    "if thing:\n    assert False",
    "eq_(thing, 1)",
]


@pytest.mark.parametrize("body", CHECKS)
def test_a_check_of_any_form_is_an_assertion(body: str) -> None:
    """By what it is, or by its name."""
    assert rules(in_test(body)) == []
    assert rules(in_test("thing()")) == ["no-assertion"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def run_it(x):\n    deeper(x)\ndef deeper(x):\n    assert x\ndef test_a():\n    run_it(1)\n", []),
        (
            "def run_it(x):\n    deeper(x)\ndef deeper(x):\n    run_it(x)\ndef test_a():\n    run_it(1)\n",
            ["no-assertion"],
        ),
        ("class TestA:\n    def run(self):\n        assert f()\n    def test_a(self):\n        self.run()\n", []),
        (
            "class TestA:\n    def run(self):\n        f()\n    def test_a(self):\n        self.run()\n",
            ["no-assertion"],
        ),
        ("class TestA(Base):\n    def test_a(self):\n        self.run_it()\n", []),
        ("import pytest\n@pytest.fixture\ndef up():\n    yield 1\n    assert f()\ndef test_a(up):\n    f(up)\n", []),
        ("def test_a(snapshot):\n    f(snapshot)\n", []),
        ("import pytest\n@pytest.mark.skip(reason='later')\ndef test_a():\n    f()\n", []),
        ("def helper():\n    f()\n\ndef test_a():\n    x = 'assert x'\n    f(x)\n", ["no-assertion"]),
        ("def test_a():\n    f('''\n    assert x\n''')\n", ["no-assertion"]),
    ],
)
def test_what_a_test_uses_may_check_for_it(text: str, found: list[str]) -> None:
    """Helpers, however deep, methods, fixtures; a text that holds an assertion is none."""
    assert rules(text) == found


@pytest.mark.parametrize(
    "condition",
    ["True", "1", "'text'", "x or True", "x == x", "not False", "[x]", "len(x) >= 0", "lambda: x", "1 == 1"],
)
def test_a_condition_that_always_holds(condition: str) -> None:
    """Alone it is a finding, beside another assertion it is not."""
    assert rules(in_test(f"x = thing()\nassert {condition}")) == ["constant-assertion"]
    assert rules(in_test(f"x = thing()\nassert {condition}\nassert x")) == []


@pytest.mark.parametrize("condition", ["x", "x or y", "x == y", "not x", "[*x]", "len(x) >= 1", "x() == x()", "False"])
def test_a_condition_that_may_not_hold(condition: str) -> None:
    """`assert False` says that its line is not to be reached."""
    assert rules(in_test(f"x = y = thing()\nassert {condition}")) == []


def test_constant_assertions_of_other_forms() -> None:
    """A tuple is one beside others too; unittest's have their own; a test of equality compares a thing with itself."""
    assert rules(in_test("assert thing\nassert (thing, 'message')")) == ["constant-assertion"]
    case = "class TestA(unittest.TestCase):\n    def test_a(self):\n        self.{}\n"
    assert rules(case.format("assertTrue(True)")) == ["constant-assertion"]
    assert rules(case.format("assertEqual(x, x)")) == ["constant-assertion"]
    assert rules(case.format("assertTrue(x)")) == rules(case.format("assertFalse(True)")) == []
    assert rules("def test_hash():\n    x = f()\n    assert x == x\n") == []


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        ("except Exception:\n    pass", ["swallowed-assertion"]),
        ("except:\n    print('no')", ["swallowed-assertion"]),
        ("except (ValueError, AssertionError):\n    pass", ["swallowed-assertion"]),
        ("except Exception:\n    pytest.skip('no')", ["failure-to-skip"]),
        ("except AssertionError:\n    pytest.skip('no')", ["failure-to-skip"]),
        ("except ValueError:\n    pass", []),
        ("except AssertionError:\n    raise\nexcept Exception:\n    pass", []),
        ("except Exception as error:\n    errors.append(error)", []),
        ("except Exception as error:\n    pytest.fail(str(error))", []),
        ("except AssertionError:\n    pass\nelse:\n    pytest.fail('held')", []),
        ("finally:\n    thing.close()", []),
    ],
)
def test_what_becomes_of_a_failure_in_a_try(handler: str, found: list[str]) -> None:
    """Hidden or turned into a skip: a finding; passed on, kept or not caught: none."""
    assert rules(in_test(f"try:\n    assert thing()\n{handler}")) == found


def test_suppress_and_the_failures_of_pytest() -> None:
    """`suppress` is a handler; pytest's failures are no `Exception`."""
    assert rules(in_test("with suppress(Exception):\n    assert thing")) == ["swallowed-assertion"]
    assert rules(in_test("with suppress(KeyError):\n    assert thing")) == []
    assert rules(in_test("try:\n    pytest.fail('x')\nexcept Exception:\n    pass")) == []
    assert rules(in_test("try:\n    pytest.fail('x')\nexcept BaseException:\n    pass")) == ["swallowed-assertion"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("print(x)", ["helper-never-raises"]),
        ("try:\n        assert x\n    except Exception:\n        print(x)", ["helper-never-raises"]),
        ("assert x", []),
        ("x.raise_for_status()", []),
        ("parse(x)", []),
    ],
)
def test_a_helper_that_promises_to_check(body: str, found: list[str]) -> None:
    """It must be able to raise, and a call of something unknown is."""
    assert rules(f"def assert_fine(x):\n    {body}\n\ndef test_a():\n    assert_fine(f())\n") == found


@pytest.mark.parametrize("reason", ["''", "'  '", "None"])
def test_a_blank_reason_is_none(reason: str) -> None:
    """It tells nobody when the skip may go, in whichever way it is written."""
    text = "import pytest\n\n@pytest.mark.skip{}\ndef test_a():\n    assert f()\n"
    assert rules(text.format(f"({reason})")) == rules(text.format(f"(reason={reason})")) == ["skip-without-reason"]
    assert rules(text.format("(reason='the server has no stop yet')")) == []


def test_comments_that_accept() -> None:
    """On the line, on the `def`'s, or for the file; for the named rule; with a reason; as a comment."""
    swallowed = "def test_a():{}\n    try:\n        assert f(){}\n    except Exception:\n        pass\n{}\n"
    why = "  # audit: ok[no-assertion, swallowed-assertion] the server may be gone"
    assert rules(swallowed.format(why, "", "")) == rules(swallowed.format("", why, "")) == []
    assert rules(swallowed.format("", "", "# audit: file-ok[swallowed-assertion] as it is")) == []
    assert rules(swallowed.format("", "  # audit: ok[no-assertion] other", "")) == ["swallowed-assertion"]
    assert rules(swallowed.format("", "", "X = '# audit: file-ok[swallowed-assertion] text'")) == [
        "swallowed-assertion"
    ]
    indented = "    # audit: file-ok[swallowed-assertion] of one test alone"
    assert rules(swallowed.format("", "", indented)) == ["swallowed-assertion"]
    bare = "  # audit: ok[swallowed-assertion]"
    assert rules(swallowed.format("", bare, "")) == ["suppression-without-reason", "swallowed-assertion"]


def test_where_a_finding_is() -> None:
    """Line, the test with its class, and a sentence."""
    body = "try:\n            assert f()\n        except Exception:\n            pass\n"
    text = f"class TestA:\n    def test_a(self):\n        {body}"
    (found,) = examine("t.py", text, None, patterns=Patterns()).findings
    assert found == (4, "swallowed-assertion", "TestA::test_a", "the handler in line 5 hides its failure")
    assert examine("t.py", "def test_a(:\n", None, patterns=Patterns()) == FileFindings()
