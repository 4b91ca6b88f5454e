"""The rules where other files of the project decide: each with a project on either side, cold and warm."""

from __future__ import annotations

import ast
import importlib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.audit import AuditOptions, audit
from test_framework.audit.rules import Patterns, examine
from test_framework.config import load
from tests.audit import cases
from tests.support.cuts import cuts

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parents[1]
INNER = "def deeper(x):\n    assert x\n"
FIXTURE = "import pytest\n@pytest.fixture\ndef checker():\n"
BASE = "from unittest import TestCase\nclass Base(TestCase):\n    def run_it(self):\n        "
USE = "from help.a import Thing\ndef test_a():\n    thing = Thing()\n    thing.run_it()\n"
METHOD = "import pytest\nclass Thing:\n    def run_it(self):\n        "
CASE = "from help.a import Base\nclass TestA(Base):\n    def test_a(self):\n        self.run_it()\n"

Project = dict[str, str]
# The test, and two versions of a file that it uses: one checks, the other does not.
CHECKED = {
    "a function": ("from tests.a import run_it\ndef test_a():\n    run_it(1)\n", "tests/a.py",
                   "def run_it(x):\n    assert x\n", "def run_it(x):\n    print(x)\n"),
    "a function of a module": ("from tests import a\ndef test_a():\n    a.run_it(1)\n", "tests/a.py",
                               "def run_it(x):\n    if not x:\n        raise KeyError\n", "def run_it(x):\n    f(x)\n"),
    "a function in two steps": ("from tests.a import run_it\ndef test_a():\n    run_it(1)\n", "tests/a.py",
                                "from tests.b import deeper\ndef run_it(x):\n    return deeper(x)\n",
                                "from tests.b import other\ndef run_it(x):\n    return other(x)\n"),
    "a function of a helper here": (
        "from tests.a import run_it\ndef here():\n    run_it(1)\ndef test_a():\n    here()\n", "tests/a.py",
        "def run_it(x):\n    assert x\n", "def run_it(x):\n    pass\n"),
    "an import in the test": ("def test_a():\n    from .a import run_it\n    run_it(1)\n", "tests/a.py",
                              "def run_it(x):\n    assert x\n", "def run_it(x):\n    assert True\n"),
    "a name handed on": ("from tests.a import *\ndef test_a():\n    again(1)\n", "tests/a.py",
                         "from tests.b import deeper as again\n", "from tests.b import other as again\n"),
    "a method": (USE, "help/a.py", METHOD + "assert self\n", METHOD + "print(self)\n"),
    "a method of what a method gives": (
        "from help.a import Thing\ndef test_a():\n    Thing().part.run_it()\n", "help/a.py",
        METHOD + "assert self\n", METHOD + "print(self)\n"),
    "a method of a base": (CASE, "help/a.py", BASE + "assert self\n", BASE + "print(self)\n"),
    "a fixture that returns a checker": (
        "def test_a(checker):\n    checker(1)\n", "tests/conftest.py",
        FIXTURE + "    def compare(x):\n        assert x\n    return compare\n",
        FIXTURE + "    def compare(x):\n        print(x)\n    return print\n"),
    "a fixture that checks afterwards": (
        "def test_a(checker):\n    checker.append(1)\n", "tests/conftest.py",
        FIXTURE + "    x = []\n    yield x\n    assert x\n", FIXTURE + "    x = [1]\n    assert x\n    yield x\n"),
    "what is tested and asserts alone": (
        "from app.a import same\ndef test_a():\n    same(1)\n", "app/a.py",
        "def same(x):\n    assert x\n", "def same(x):\n    assert x\n    return x\n"),
    "what is tested and raises": (
        "from app.a import same\ndef test_a():\n    same(1)\n", "app/a.py",
        "def same(x):\n    raise AssertionError(x)\n", "def same(x):\n    raise ValueError(x)\n"),
}  # fmt: skip


def project(root: Path, files: Project) -> Path:
    """Return a project with these files, and those that most of them need."""
    common = {"tests/__init__.py": "", "help/__init__.py": "", "app/__init__.py": "",
              "tests/b.py": INNER + "def other(x):\n    print(x)\n"}  # fmt: skip
    for name, text in (common | files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def told(root: Path, *, cache: bool = True) -> list[tuple[str, str]]:
    """Return path and rule of what the audit finds in tests."""
    return [(f.path, f.rule) for f in audit(root, [], load(root, {}), AuditOptions(cache=cache)).quality]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "project"


@pytest.mark.parametrize(("test", "name", "checks", "does_not"), CHECKED.values(), ids=CHECKED)
def test_a_helper_of_another_file_checks_for_a_test(
    root: Path, test: str, name: str, checks: str, does_not: str
) -> None:
    """Cold, and warm: when the helper changes, so does what is said of the test."""
    lost = [("tests/test_it.py", "no-assertion")]
    project(root, {"tests/test_it.py": test, name: checks})
    assert told(root) == told(root) == told(root, cache=False) == []
    (root / name).write_text(does_not + "\n# it has changed\n", encoding="utf-8")
    assert told(root) == told(root) == told(root, cache=False) == lost
    (root / name).write_text(checks, encoding="utf-8")
    assert told(root) == []


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("import library\ndef test_a():\n    library.run_it()\n", True),
        ("import library\ndef test_a():\n    library.verify_it()\n", False),
        ("from app.gone import run_it\ndef test_a():\n    run_it()\n", True),
        ("from app import gone\ndef test_a():\n    gone()\n", False),
        ("def test_a(request):\n    request.getfixturevalue(NAME)\n", False),
        ("from app.a import make\ndef test_a():\n    make().start()\n", True),
    ],
)
def test_what_leads_out_of_the_project_or_is_not_known(root: Path, test: str, *, found: bool) -> None:
    """A library's checks by its name; a name of the project that nobody knows may check."""
    project(root, {"tests/test_it.py": test, "app/a.py": "def make():\n    return 1\n"})
    assert ("no-assertion" in dict.fromkeys(rule for _, rule in told(root))) is found


ASSERT = "def test_a():\n    {}(1)\n"
SILENT = "def assert_it(x):\n    return bool(x)\n"


@pytest.mark.parametrize(
    ("test", "helper", "found"),
    [
        ("from tests.a import assert_it\n" + ASSERT.format("assert_it"), SILENT, True),
        ("from tests.a import assert_it as assert_so\n" + ASSERT.format("assert_so"), SILENT, True),
        ("import tests.a\n" + ASSERT.format("tests.a.assert_it"), SILENT, True),
        ("from . import a\n" + ASSERT.format("a.assert_it"), SILENT, True),
        ("from tests.a import assert_it\n" + ASSERT.format("assert assert_it"), SILENT, False),
        ("from tests.a import assert_it\n" + ASSERT.format("assert_it"), "def assert_it(x):\n    assert x\n", False),
        ("from tests.a import assert_it\n" + ASSERT.format("assert_it"), "@wrapped\n" + SILENT, False),
        ("from tests.a import assert_it\n" + ASSERT.format("assert_it"), "from library import assert_it\n", False),
    ],
)
def test_a_helper_of_another_file_that_never_raises(root: Path, test: str, helper: str, *, found: bool) -> None:
    """It is told at the test that relies on it, with the place of the helper."""
    project(root, {"tests/test_it.py": test, "tests/a.py": helper})
    assert told(root) == [("tests/test_it.py", "helper-never-raises")] * found
    if found:
        (finding,) = audit(root, [], load(root, {})).quality
        assert finding.message.endswith("(tests/a.py:1)")


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("from shared.a import test_shared\n", False),
        ("from shared.a import TestShared\n", False),
        ("from shared.a import TestCases\n", False),
        ("from shared.a import test_data\n", True),
        ("from shared.a import TestClient\n", True),
        ("from shared.a import TestMade\n", True),
        ("from shared import test_module\n", True),
        ("from library.testing import TestClient\n", True),
        ("from library.tests.base import TestBase\n", False),
    ],
)
def test_a_file_whose_tests_are_imported(root: Path, test: str, *, found: bool) -> None:
    """What pytest collects: functions and classes that are imported, as it does those that are written there."""
    shared = (
        "import pytest, unittest\ndef test_shared():\n    assert f()\n"
        "class TestShared:\n    def test_a(self):\n        assert f()\n"
        "class TestCases(unittest.TestCase):\n    def test_a(self):\n        assert f()\n"
        "@pytest.fixture\ndef test_data():\n    return 1\n"
        "class TestClient:\n    def get(self):\n        return 1\n"
        "class TestMade:\n    def __init__(self):\n        pass\n    def test_a(self):\n        assert f()\n"
    )
    project(
        root, {"tests/test_it.py": test, "shared/a.py": shared, "shared/test_module.py": "def test_a(): assert f()\n"}
    )
    assert ("tests/test_it.py", "no-test") in told(root) if found else ("tests/test_it.py", "no-test") not in told(root)


# -- the filter before the judge ---------------------------------------------------------------------


def _texts() -> Iterator[str]:
    for kind in cases.read():
        for variant in (*kind.bad, *kind.fine):
            yield from (text.replace("\u00a4", "") for text in variant.files.values())
    for path in sorted(HERE.rglob("*.py")):
        yield path.read_text(encoding="utf-8")


def test_values_that_are_made_of_each_other(root: Path) -> None:
    """They are followed once, not once for each way to them; what they are is not known, and so nothing is told."""
    names = [f"g{n}" for n in range(40)]
    made = "".join(f"{a} = {b}.more({c})\n" for a in names for b, c in pairwise(names))
    helper = "".join(f"{name} = make()\n" for name in names) + made
    project(root, {"help/a.py": "from library import make\n" + helper})
    project(root, {"tests/test_a.py": "from help.a import g0\ndef test_a():\n    g0.run_it()\n"})
    assert told(root, cache=False) == []


@cuts
def test_the_filter_leaves_out_nothing_that_the_judge_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """All cases of the proof and all tests of this repository, judged with and without it."""
    texts = [text for text in _texts() if _parses(text)]
    quick = [examine("test_it.py", text, None, patterns=Patterns()) for text in texts]
    left_out: list[bool] = []
    cannot_fail = importlib.import_module("test_framework.audit.rules.cannot_fail")
    surely_fine = cannot_fail._surely_fine  # what it says is not to be seen from outside

    def _noted(*given: object) -> bool:
        left_out.append(surely_fine(*given))
        return False

    monkeypatch.setattr(cannot_fail, "_surely_fine", _noted)
    monkeypatch.setattr(importlib.import_module("test_framework.audit.rules.never_run"), "_may_nest", lambda *_: True)
    exact = [examine("test_it.py", text, None, patterns=Patterns()) for text in texts]
    assert len(texts) > 200
    assert sum(left_out) > 500
    for text, with_filter, without in zip(texts, quick, exact, strict=True):
        assert with_filter[:2] == without[:2], text


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
