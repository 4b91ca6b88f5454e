"""Causes: what breaks the import of a test file, and beside each what looks like it and is fine."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from test_framework.audit import Audit, AuditOptions, audit
from test_framework.config import Packages, load

if TYPE_CHECKING:
    from pathlib import Path

UNCACHED = AuditOptions(cache=False)


def audited(root: Path, files: dict[str, str], asked: AuditOptions = UNCACHED) -> Audit:
    """Return the audit of a project that is these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return audit(root, [], load(root, {}), asked)


def causes(root: Path, files: dict[str, str], asked: AuditOptions = UNCACHED) -> list[tuple[str, str]]:
    """Return kind and target of each cause."""
    return sorted((c.kind, c.target) for c in audited(root, files, asked).causes)


def of(root: Path, text: str, **files: str) -> list[tuple[str, str]]:
    """Return the causes of a test file with this text, beside modules of these names."""
    modules = {f"{name.replace('__', '/')}.py": body for name, body in files.items()}
    return causes(root, {"test_it.py": text, **modules})


PACKAGE = {"app/__init__.py": "", "app/core.py": "def run(): pass\nLIMIT = 3\n"}


@pytest.mark.parametrize(
    "text",
    ["def test(:\n    pass\n", "x = (1\n", "def f():\n    return = 1\n", "def f():\n\treturn 1\n        return 2\n"],
)
def test_a_syntax_error_breaks_its_file(tmp_path: Path, text: str) -> None:
    """At the top, and deep in a function; the line is that of Python."""
    found = audited(tmp_path, {"test_it.py": text})
    assert [(c.kind, c.target, c.path) for c in found.causes] == [("syntax-error", "test_it.py", "test_it.py")]
    with pytest.raises(SyntaxError) as caught:
        compile(text, "x", "exec")
    assert found.causes[0].line == caught.value.lineno
    assert found.unparseable == ("test_it.py",)


@pytest.mark.parametrize("body", ["nonlocal x", "break", "await x", "x = 1; global x", "yield = 1"])
def test_an_error_that_no_parser_sees_in_a_cut_body(tmp_path: Path, body: str) -> None:
    """Python compiles a file as a whole before it runs any of it."""
    assert of(tmp_path, f"def f():\n    {body}\n") == [("syntax-error", "test_it.py")]


@pytest.mark.parametrize("text", ["# coding: latin-1\nx = '\xe9'\n", "\ufeffx = 1\n", "x = '''\ndef f(:\n'''\n", ""])
def test_sound_files_that_look_odd(tmp_path: Path, text: str) -> None:
    """An encoding that is named, a byte order mark, code in a text, nothing at all."""
    encoding = "latin-1" if "latin" in text else "utf-8"
    (tmp_path / "test_it.py").write_bytes(text.encode(encoding))
    assert not audited(tmp_path, {}).broken


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """Python refuses them, with the line."""
    (tmp_path / "test_it.py").write_bytes(b"x = 1\ny = '\xff'\n")
    found = audited(tmp_path, {})
    assert [(c.kind, c.line) for c in found.causes] == [("syntax-error", 2)]


def test_a_syntax_error_in_a_helper_breaks_all_that_import_it(tmp_path: Path) -> None:
    """Through another helper too; the cause is told once, with the file in which it lies."""
    files = {"helper.py": "def f(:\n", "other.py": "import helper\n", "test_a.py": "import other\n"}
    found = audited(tmp_path, {**files, "test_b.py": "from helper import f\n", "test_c.py": "x = 1\n"})
    (cause,) = found.causes
    assert (cause.kind, cause.target, cause.path, cause.files) == (
        "syntax-error",
        "helper.py",
        "helper.py",
        ("test_a.py", "test_b.py"),
    )
    assert [(b.path, b.causes[0].via) for b in found.broken] == [("test_a.py", "helper.py"), ("test_b.py", "helper.py")]


def test_except_import_error_does_not_stop_a_syntax_error(tmp_path: Path) -> None:
    """Only a handler that catches it does."""
    text = "try:\n    import helper\nexcept {}:\n    helper = None\n"
    assert of(tmp_path, text.format("ImportError"), helper="x = (\n") == [("syntax-error", "helper.py")]
    assert of(tmp_path, text.format("SyntaxError"), helper="x = (\n") == []
    assert of(tmp_path, text.format("Exception"), helper="x = (\n") == []


def test_a_conftest_breaks_what_is_below_it(tmp_path: Path) -> None:
    """And nothing beside it."""
    files = {"a/conftest.py": "import nowhere_at_all\n", "a/b/test_a.py": "", "c/test_c.py": "", "a/test_b.py": ""}
    found = audited(tmp_path, files)
    assert [b.path for b in found.broken] == ["a/b/test_a.py", "a/test_b.py"]
    assert {c.via for b in found.broken for c in b.causes} == {"a/conftest.py"}


def test_plugins_of_a_conftest(tmp_path: Path) -> None:
    """They are imported as it is; those of pytest itself are there."""
    conftest = 'pytest_plugins = ["pytester", "support.fixtures"]\n'
    assert causes(tmp_path, {"conftest.py": conftest, "test_it.py": ""}) == [("missing-dependency", "support")]
    assert causes(tmp_path, {"support/fixtures.py": ""}) == []
    assert causes(tmp_path, {"pytest.ini": "[pytest]\naddopts = -p absent_plugin\n"}) == [
        ("missing-dependency", "absent_plugin")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import app.cor", ("missing-module", "app.cor")),
        ("import app.core", None),
        ("from app import core", None),
        ("from app import cor", ("missing-name", "app.cor")),
        ("from app.core import runn", ("missing-name", "app.core.runn")),
        ("from app.core import run, LIMIT", None),
        ("import app.core\napp.core.run", None),
        ("import app.core\napp.core.runn()", ("missing-name", "app.core.runn")),
        ("import app\napp.core", ("missing-name", "app.core")),
        ("import app.core as c\nc.LIMIT", None),
        ("import app.core as c\nc.LIMITS", ("missing-name", "app.core.LIMITS")),
        ("import app.core as c\nc.new = 1\nc.new", None),
        ("def f():\n    import app.cor", None),
        ("def f():\n    from app.core import runn", None),
        ("f = lambda: nothing", None),
        ("import nothing_at_all", ("missing-dependency", "nothing_at_all")),
        ("import json, os.path, xml.etree.ElementTree, email.mime.text", None),
        ("import json.nothing", ("missing-module", "json.nothing")),
        ("from json import nothing", ("missing-name", "json.nothing")),
        ("from os import path, getcwd, environ", None),
        ("import re\nre.I | re.compile('x').flags", None),
        ("import pytest\n@pytest.fixtur\ndef f(): pass", ("missing-name", "pytest.fixtur")),
        ("import pytest\n@pytest.mark.anything\ndef f(): pass", None),
        ("from . import core", ("relative-import", ".")),
        ("from __future__ import annotations\ndef f(x: Nothing): pass", None),
    ],
)
def test_modules_and_names(tmp_path: Path, text: str, expected: tuple[str, str] | None) -> None:
    """Of the project, of the standard library and of what is installed."""
    found = causes(tmp_path, {**PACKAGE, "test_it.py": text + "\n"})
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("try:\n    import nothing_x\nexcept ImportError:\n    nothing_x = None\nnothing_x", False),
        ("try:\n    import nothing_x\nexcept ModuleNotFoundError:\n    pass", False),
        ("try:\n    import nothing_x\nexcept (ValueError, ImportError):\n    pass", False),
        ("try:\n    import nothing_x\nexcept:\n    pass", False),
        ("try:\n    import nothing_x\nexcept ValueError:\n    pass", True),
        ("try:\n    from app.core import absent\nexcept ModuleNotFoundError:\n    pass", True),
        ("try:\n    import nothing_x\nexcept ImportError:\n    import nothing_y", True),
        ("try:\n    import json\nexcept ImportError:\n    import nothing_y", False),
        ("try:\n    import nothing_x\nexcept ImportError:\n    raise", True),
        ("try:\n    import nothing_x\nexcept ImportError:\n    pass\nnothing_x", True),
        ("try:\n    pass\nfinally:\n    import nothing_x", True),
        ("import contextlib\nwith contextlib.suppress(ImportError):\n    import nothing_x", False),
        ("import contextlib\nwith contextlib.suppress(ValueError):\n    import nothing_x", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nothing_x", False),
        ("import typing\nif typing.TYPE_CHECKING:\n    import nothing_x\nelse:\n    import nothing_y", True),
        ("import sys\nif sys.version_info < (3, 5):\n    import nothing_x", False),
        ("import sys\nif sys.version_info >= (3, 5):\n    import nothing_x", True),
        ("import sys\nif sys.platform == 'plan9':\n    import nothing_x", False),
        ("if __name__ == '__main__':\n    import nothing_x", False),
        ("if 0:\n    import nothing_x", False),
        ("import os\nif os.getpid() == 1:\n    import nothing_x", False),
        ("for name in []:\n    import nothing_x", False),
        ("for name in ['a']:\n    import nothing_x", True),
        ("class A:\n    import nothing_x", True),
        ("import pytest\npytest.importorskip('nothing_x')\nimport nothing_x", False),
        ("import pytest\nx = pytest.importorskip('json')\nimport nothing_x", True),
        ("import pytest\npytest.skip('no', allow_module_level=True)\nimport nothing_x", False),
        ("import unittest\nraise unittest.SkipTest('no')\nimport nothing_x", False),
        ("import importlib\nimportlib.import_module('nothing_x')", True),
        ("import importlib.util\nif importlib.util.find_spec('nothing_x'):\n    import nothing_x", False),
        ("import sys\nsys.modules['nothing_x'] = object()\nimport nothing_x\nfrom nothing_x import y", False),
        ("HAS = True\ntry:\n    import nothing_x\nexcept ImportError:\n    HAS = False\nif HAS:\n    nothing_x", False),
        ("raise RuntimeError('no')", True),
    ],
)
def test_whether_an_import_runs_and_who_catches_it(tmp_path: Path, text: str, *, broken: bool) -> None:
    """Conditions that can be judged are; what nobody can know is no error."""
    assert bool(causes(tmp_path, {**PACKAGE, "test_it.py": text + "\n"})) is broken


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("print(later)\nlater = 1", "later"),
        ("@decorator\ndef f(): pass", "decorator"),
        ("def f(x=default): pass", "default"),
        ("def f(x: Kind): pass", "Kind" if sys.version_info < (3, 14) else None),
        ("class A(Base): pass", "Base"),
        ("class A:\n    x = absent", "absent"),
        ("class A:\n    x = 1\n    y = x", None),
        ("class A:\n    def f(self): return absent", None),
        ("x = [y for y in absent]", "absent"),
        ("x = [absent for y in (1,)]", "absent"),
        ("x = [y for y in (1,)]\ny", "y"),
        ("x = {k: v for k, v in {}.items()}", None),
        ("x = 1\ndel x\nx", "x"),
        ("try:\n    pass\nexcept ValueError as e:\n    pass", None),
        ("(n := 3)\nn", None),
        ("match 3:\n    case n:\n        n", None),
        ("with open('x') as f, f:\n    pass", None),
        ("for i in (1, 2):\n    pass\ni", None),
        ("if absent_x:\n    pass", "absent_x"),
        ("x = True or absent", None),
        ("x = f'{absent}'", "absent"),
        ("x += 1", "x"),
        ("print(len, __file__, __name__, NotImplemented)", None),
        ("globals()['made'] = 1\nmade", None),
        ("exec('made = 1')\nmade", None),
        ("def f():\n    global made\n    made = 1\nf()\nmade", None),
        ("from os.path import *\njoin", None),
    ],
)
def test_names_at_import(tmp_path: Path, text: str, name: str | None) -> None:
    """A name must be bound when the line runs, not somewhere in the file."""
    assert of(tmp_path, text + "\n") == ([("undefined-name", name)] if name else [])


@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        ("__all__ = ['a']\na = b = 1", "from helper import *\na", []),
        ("__all__ = ['a']\na = b = 1", "from helper import *\nb", [("undefined-name", "b")]),
        ("__all__ = ['a', 'absent']\na = 1", "from helper import *", [("missing-name", "helper.absent")]),
        ("_a = 1\nb = 2", "from helper import *\nb", []),
        ("_a = 1\nb = 2", "from helper import *\n_a", [("undefined-name", "_a")]),
        ("from os.path import *", "from helper import join", []),
        ("def __getattr__(name): return 1", "from helper import anything", []),
        ("for n in 'ab':\n    globals()[n] = 1", "from helper import a", []),
        ("import sys\nsys.modules[__name__] = object()", "from helper import a", []),
        ("__all__ = []\n__all__ += ['a']\na = 1", "from helper import *\na", []),
    ],
)
def test_what_a_module_gives(tmp_path: Path, module: str, text: str, expected: list[tuple[str, str]]) -> None:
    """Stars, `__all__`, names that are made."""
    assert of(tmp_path, text + "\n", helper=module + "\n") == expected


def test_an_import_circle_that_breaks(tmp_path: Path) -> None:
    """A name that is not there yet, told with the modules of the circle."""
    found = of(tmp_path, "import a\n", a="from b import x\ny = 1\n", b="from a import y\nx = 1\n")
    assert found == [("import-circle", "a -> b -> a")]


def test_import_circles_that_do_not(tmp_path: Path) -> None:
    """The name is bound before the circle closes, or is looked up later."""
    assert of(tmp_path, "import a\n", a="y = 1\nfrom b import x\n", b="from a import y\nx = 1\n") == []
    assert of(tmp_path, "import a\n", a="import b\ny = 1\n", b="import a\ndef f(): return a.y\n") == []


def test_a_circle_depends_on_where_it_is_entered(tmp_path: Path) -> None:
    """From one side it is sound, from the other it is not."""
    modules = {"a": "from b import x\ny = 1\n", "b": "x = 1\nfrom a import y\n"}
    assert of(tmp_path, "import b\n", **modules) == [("import-circle", "b -> a -> b")] or of(
        tmp_path, "import a\n", **modules
    )
    assert of(tmp_path, "import a\n", **modules) == [("import-circle", "a -> b -> a")]
    assert of(tmp_path, "import b\n", a="import b\nclass A: z = b.x\n", b="x = 1\nimport a\n") == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tests/__init__.py": "", "tests/test_it.py": "from .helper import x"}, []),
        ({"tests/__init__.py": "", "tests/test_it.py": "from ..helper import x"}, [("relative-import", "..helper")]),
        ({"tests/test_it.py": "from .helper import x"}, [("relative-import", ".helper")]),
        ({"tests/test_it.py": "from helper import x"}, []),
        ({"tests/__init__.py": "", "tests/test_it.py": "from tests.helper import x"}, []),
    ],
)
def test_relative_imports_and_roots(tmp_path: Path, files: dict[str, str], expected: list[tuple[str, str]]) -> None:
    """The folder that goes on `sys.path` is the first without `__init__.py`, upwards."""
    assert causes(tmp_path, {"tests/helper.py": "x = 1\n", **files}) == expected


def test_import_mode_importlib(tmp_path: Path) -> None:
    """It puts nothing on `sys.path`, and gives every file a package."""
    ini = "[pytest]\naddopts = --import-mode=importlib\n"
    files = {"pytest.ini": ini, "tests/helper.py": "x = 1\n", "tests/test_it.py": "from helper import x\n"}
    assert causes(tmp_path, files) == [("missing-module", "helper")]
    assert causes(tmp_path, {**files, "tests/test_it.py": "from .helper import x\n"}) == []
    assert causes(tmp_path, {**files, "pytest.ini": ini + "pythonpath = tests\n"}) == []


def test_two_files_of_one_name(tmp_path: Path) -> None:
    """Without packages, pytest has room for only one; with them, or with importlib, for both."""
    files = {"a/test_it.py": "", "b/test_it.py": ""}
    assert causes(tmp_path, files) == [("name-clash", "test_it")]
    assert causes(tmp_path, {**files, "pytest.ini": "[pytest]\naddopts = --import-mode=importlib\n"}) == []
    assert causes(tmp_path, {**files, "pytest.ini": "", "a/__init__.py": "", "b/__init__.py": ""}) == []


@pytest.mark.parametrize(
    "text",
    [
        "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib2'))",
        "import sys\nfrom pathlib import Path\nsys.path.append(str(Path(__file__).resolve().parent.parent / 'lib2'))",
        "import sys\nfrom pathlib import Path\nHERE = Path(__file__).parents[1]\nsys.path.insert(0, f'{HERE}/lib2')",
        "import sys\ndef pytest_configure():\n    sys.path.insert(0, 'lib2')",
    ],
)
def test_paths_that_a_conftest_adds(tmp_path: Path, text: str) -> None:
    """Those that can be followed, and those that cannot: then a module that lies anywhere may be found."""
    files = {"tests/test_it.py": "import deep_helper\n", "lib2/deep_helper.py": ""}
    assert causes(tmp_path, files) == [("missing-module", "deep_helper")]
    assert causes(tmp_path, {**files, "tests/conftest.py": text + "\n"}) == []


def test_namespace_packages_and_a_source_folder(tmp_path: Path) -> None:
    """A package needs no `__init__.py`; `src` counts as installed."""
    files = {"src/space/part.py": "x = 1\n", "test_it.py": "from space.part import x\nimport space\nspace.part\n"}
    assert causes(tmp_path, files) == []
    assert causes(tmp_path, {"test_it.py": "from space.other import x\n"}) == [("missing-module", "space.other")]


def test_declared_or_installed(tmp_path: Path) -> None:
    """Which of the two is asked is the user's to say."""
    files = {"pyproject.toml": '[project]\ndependencies = ["absent-thing>=1"]\n', "test_it.py": "import absent_thing\n"}
    found = audited(tmp_path, files)
    assert [(c.kind, c.suggestion) for c in found.causes] == [("missing-dependency", "declared, but not installed")]
    assert causes(tmp_path, files, AuditOptions(packages=Packages.DECLARED, cache=False)) == []
    files["test_it.py"] = "import pluggy, json, pytest\n"
    assert causes(tmp_path, files) == []
    assert causes(tmp_path, files, AuditOptions(packages=Packages.DECLARED, cache=False)) == [
        ("missing-dependency", "pluggy")
    ]


def test_all_faults_of_a_file_are_told_and_the_most_harmful_first(tmp_path: Path) -> None:
    """One run, one list: not one fault after the other."""
    both = "import nothing_x\nfrom app.core import absent\nprint(unbound)\n"
    found = audited(tmp_path, {**PACKAGE, "test_a.py": both, "test_b.py": "import nothing_x\n"})
    assert [(c.target, len(c.files)) for c in found.causes] == [
        ("nothing_x", 2),
        ("app.core.absent", 1),
        ("unbound", 1),
    ]
    assert [c.line for c in found.broken[0].causes] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("from app.core import helper_of_many", "moved to app.tools"),
        ("from app.core import LIMTI", "did you mean LIMIT?"),
        ("import app.engine.wheels", "moved to app.wheels"),
        ("import app.cor", "did you mean app.core?"),
        ("print(json)", "import json is missing"),
        ("print(later)\nlater = 1", "it is bound further down"),
        ("import nothing_x", "neither declared nor installed"),
    ],
)
def test_what_is_suggested(tmp_path: Path, text: str, suggestion: str) -> None:
    """Where it lives now, or the nearest spelling."""
    modules = {
        **PACKAGE,
        "app/tools.py": "def helper_of_many(): pass\n",
        "app/wheels.py": "",
        "app/engine/__init__.py": "",
    }
    (cause,) = audited(tmp_path, {**modules, "test_it.py": text + "\n"}).causes
    assert cause.suggestion == suggestion


def test_the_json_is_what_was_agreed(tmp_path: Path) -> None:
    """The keys are fixed; paths are relative, with slashes."""
    found = audited(tmp_path, {"t/test_a.py": "import nothing_x\n", "t/test_b.py": ""}).to_json()
    assert json.loads(json.dumps(found)) == found
    assert found["files"] == 2
    assert found["directories"] == [{"path": "t", "files": 2, "broken": 1, "success_rate": 0.5}]
    cited = {"kind": "missing-dependency", "target": "nothing_x", "line": 1, "via": ""}
    assert found["broken"] == [{"path": "t/test_a.py", "causes": [cited]}]
    assert (found["causes"][0]["breaks"], found["causes"][0]["files"]) == (1, ["t/test_a.py"])
    assert {"empty", "unreached", "quality", "seconds"} <= found.keys()


def test_nothing_of_the_project_is_run(tmp_path: Path) -> None:
    """Not the tests, nor a conftest, nor a plugin, nor what they import."""
    loud = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"
    files = {
        "conftest.py": "pytest_plugins = ['plug']\n" + loud,
        "plug.py": loud,
        "test_it.py": "import helper\n" + loud,
    }
    audited(tmp_path, {**files, "helper.py": loud})
    assert not list(tmp_path.rglob("*.ran"))


def test_the_cache_knows_what_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes is read again, and so is what it breaks."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    files = {"test_it.py": "from helper import x\n", "helper.py": "x = 1\n"}
    asked = AuditOptions()
    assert not audited(root, files, asked).broken
    assert list((tmp_path / "cache").rglob("audit-*"))
    assert causes(root, {"helper.py": "y = 1234\n"}, asked) == [("missing-name", "helper.x")]
    assert causes(root, {}, asked) == [("missing-name", "helper.x")]
    assert causes(root, {"helper.py": "def f():\n    return = 1\n"}, asked) == [("syntax-error", "helper.py")]
    assert causes(root, {}, asked) == [("syntax-error", "helper.py")]
    assert causes(root, {"helper.py": "x = 1\n"}, asked) == []


def test_a_cache_that_is_damaged_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    files = {"test_it.py": "import nothing_x\n"}
    first = causes(root, files, AuditOptions())
    (kept,) = (tmp_path / "cache").rglob("audit-*")
    kept.write_bytes(kept.read_bytes()[:40])
    assert causes(root, files, AuditOptions()) == first
