"""Hooks that pytest calls before it collects, and functions that are given the names of their module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.test_audit_imports import audited, causes, of

if TYPE_CHECKING:
    from pathlib import Path

GONE = [("missing-dependency", "gone_x")]
TEST = "def test_it(): pass\n"


@pytest.mark.parametrize("hook", ["addhooks", "addoption", "configure", "sessionstart"])
def test_an_import_in_an_early_hook(tmp_path: Path, hook: str) -> None:
    """It breaks every file below its conftest, and is told where it lies."""
    text = f"import os\n\ndef pytest_{hook}(given):\n    import gone_x\n"
    found = audited(tmp_path, {"conftest.py": text, "a/test_a.py": TEST, "tests/test_b.py": TEST})
    assert [(b.path, [(c.target, c.line, c.via) for c in b.causes]) for b in found.broken] == [
        (path, [("gone_x", 4, "conftest.py")]) for path in ("a/test_a.py", "tests/test_b.py")
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@pytest.hookimpl(tryfirst=True)\ndef pytest_configure(config):\n    import gone_x", GONE),
        ("@pytest.hookimpl\ndef pytest_configure(config):\n    import gone_x", GONE),
        ("def load():\n    import gone_x\ndef pytest_configure(config):\n    load()", GONE),
        ("pytest_plugins = ['plugin']", GONE),
        ("pytest_plugins = 'plugin'", GONE),
        ("from plugin import *", GONE),
        ("from plugin import pytest_configure", GONE),
        ("from plugin import pytest_configure as configure", []),
        ("import plugin", []),
        ("@pytest.hookimpl(specname='pytest_unconfigure')\ndef pytest_configure(config):\n    import gone_x", []),
        ("@changed\ndef pytest_configure(config):\n    import gone_x", []),
        ("def pytest_unconfigure(config):\n    import gone_x", []),
        ("def pytest_sessionfinish(session):\n    import gone_x", []),
        ("def pytest_runtest_setup(item):\n    import gone_x", []),
        ("def pytest_configure(config):\n    if config.option.x:\n        import gone_x", []),
        ("def pytest_configure(config):\n    if not config.option.x:\n        return\n    import gone_x", []),
        ("def pytest_configure(config):\n    try:\n        import gone_x\n    except ImportError:\n        pass", []),
        ("def pytest_configure(config):\n    def inner():\n        import gone_x", []),
        ("class Plugin:\n    def pytest_configure(self, config):\n        import gone_x", []),
        ("def pytest_configure(config):\n    import gone_x\ndef pytest_configure(config):\n    pass", []),
        ("def pytest_configure(config):\n    import gone_x\ndel pytest_configure", []),
    ],
)
def test_which_hook_of_a_conftest_imports(tmp_path: Path, text: str, found: list[tuple[str, str]]) -> None:
    """One that pytest calls, on a way that is surely taken; also that of a plugin which the conftest names."""
    plugin = "def pytest_configure(config):\n    import gone_x\n"
    start = "import pytest\nchanged = id\n"
    assert causes(tmp_path, {"conftest.py": f"{start}{text}\n", "plugin.py": plugin, "test_it.py": TEST}) == found


@pytest.mark.parametrize(("hook", "found"), [("addoption", GONE), ("configure", GONE), ("sessionstart", [])])
def test_a_conftest_that_comes_late(tmp_path: Path, hook: str, found: list[tuple[str, str]]) -> None:
    """One that is not found before the session starts has missed the start; what is historic is called for it."""
    text = f"def pytest_{hook}(given):\n    import gone_x\n"
    late = {"tests/unit/conftest.py": text, "tests/unit/test_a.py": TEST}
    assert causes(tmp_path, late) == found
    broken = audited(tmp_path, {"tests/test_b.py": TEST}).broken
    assert [b.path for b in broken] == (["tests/unit/test_a.py"] if found else [])


def test_a_hook_that_looks_for_what_its_conftest_brings(tmp_path: Path) -> None:
    """A folder that it puts on the path, a submodule that it imports: they are there when the tests are collected."""
    configure = "import sys, os\ndef pytest_configure(config):\n    import app.sub\n"
    files = {"app/__init__.py": "", "app/sub.py": "", "test_it.py": "import app\napp.sub\n"}
    assert causes(tmp_path, {**files, "conftest.py": configure}) == []
    assert causes(tmp_path, {"conftest.py": ""}) == [("missing-name", "app.sub")]


@pytest.mark.parametrize(
    ("body", "reads"),
    [
        ("print(1)", True),
        ("return sorted(n for n in names.keys() if n)", True),
        ("return names['value'], names.get('value')", True),
        ("names['other'] = 1", False),
        ("names.update(other=1)", False),
        ("names |= {'other': 1}", False),
        ("del names['value']", False),
        ("names['__all__'].append('other')", False),
        ("fill(names)", False),
        ("also = names\n    also['other'] = 1", False),
        ("def inner():\n        names['other'] = 1\n    inner()", False),
        ("exec('names[1] = 1')", False),
    ],
)
def test_a_function_that_is_given_the_names_of_its_module(tmp_path: Path, body: str, *, reads: bool) -> None:
    """One that never changes them nor hands them on binds no name that nobody has seen."""
    lib = f"from json import dumps as fill\nvalue = 1\ndef go(names):\n    {body}\n"
    missing = [("missing-name", "lib.valu_e")]
    for given in ("locals()", "globals()"):
        assert of(tmp_path, "from lib import valu_e", lib=f"{lib}go({given})\n") == (missing if reads else [])
    assert of(tmp_path, "from lib import valu_e", lib=f"{lib}go(*(), locals())\n") == []
    assert of(tmp_path, "from lib import valu_e", lib=f"{lib}go(names=locals())\n") == []
    assert of(tmp_path, "from lib import valu_e", lib=f"{lib}go = id\ngo(locals())\n") == []


_HERE = "import os\nfrom pathlib import Path\nhere = os.path.join(os.path.dirname(__file__), '..', 'lib', 'boot.py')\n"
_OPEN = "with open(here) as f:\n    code = compile(f.read(), 'boot.py', 'exec')\n    exec(code, globals(), locals())\n"


@pytest.mark.parametrize(
    "run",
    [
        _OPEN,
        "exec(compile(open(here).read(), here, 'exec'), globals())",
        "exec(open(here).read())",
        "exec((Path(__file__).parent.parent / 'lib' / 'boot.py').read_text(encoding='utf-8'))",
        "text = Path(here).read_text()\nexec(text)",
    ],
)
def test_a_conftest_that_executes_the_text_of_a_file(tmp_path: Path, run: str) -> None:
    """What the file imports is imported then, for the conftest, whose place and names are used."""
    files = {"tests/conftest.py": f"{_HERE}{run}\n", "tests/__init__.py": "", "tests/test_it.py": TEST}
    found = audited(tmp_path, {**files, "lib/boot.py": "x = 1\nimport gone_x\n"})
    assert [(b.path, [(c.kind, c.line, c.via) for c in b.causes]) for b in found.broken] == [
        ("tests/test_it.py", [("missing-dependency", 2, "lib/boot.py")])
    ]
    for boot, expected in [
        ("from .boot import x\n", [("missing-module", "tests.boot")]),
        ("x = (\n", [("syntax-error", "lib/boot.py")]),
        ("def go():\n    import gone_x\ngo()\n", GONE),
        ("def pytest_configure(config):\n    import gone_x\n", GONE),
        ("def go():\n    import gone_x\n", []),
        ("try:\n    import gone_x\nexcept ImportError:\n    pass\n", []),
        ("import os\nfrom .test_it import test_it\n", []),
        ("if here.endswith('x'):\n    import gone_x\n", []),
        ("exec(open(here).read())\n", []),
    ]:
        assert causes(tmp_path, {"lib/boot.py": boot}) == expected, boot


@pytest.mark.parametrize(
    "run",
    [
        "exec(open(here).read(), {})",
        "exec(open(here).read().replace('gone_x', 'os'))",
        "exec(open(other).read())",
        "text = open(here).read()",
        "def later():\n    exec(open(here).read(), globals())",
        "if open(here).read() == 'x':\n    import gone_x",
        "if str(open(here).read()):\n    pass\nelse:\n    import gone_x",
        "if os.environ.get('NEVER_SET_X'):\n    exec(open(here).read())",
        "class A:\n    exec(open(here).read())",
    ],
)
def test_a_text_that_is_not_executed_as_it_is(tmp_path: Path, run: str) -> None:
    """Or with other names, or perhaps not at all: nothing is said."""
    start = f"{_HERE}other = os.getcwd() + os.environ.get('HOME', '')\n"
    files = {"tests/conftest.py": f"{start}{run}\n", "tests/test_it.py": TEST, "lib/boot.py": "import gone_x\n"}
    assert causes(tmp_path, files) == []


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("class A: pass", True),
        ("from part import A", True),
        ("import sys\nA = sys.modules[__name__]", False),
        ("import lib as A", False),
        ("from part import here as A", False),
    ],
)
def test_names_that_are_set_on_a_class(tmp_path: Path, target: str, *, found: bool) -> None:
    """They are not names of the module, as they are when what they are set on is the module itself."""
    lib = f"{target}\nfor name in ('a', 'b'):\n    setattr(A, name, 1)\n"
    (tmp_path / "part.py").write_text("import sys\nclass A: pass\nhere = sys.modules['lib']\n", encoding="utf-8")
    assert of(tmp_path, "from lib import valu_e", lib=lib) == ([("missing-name", "lib.valu_e")] if found else [])
