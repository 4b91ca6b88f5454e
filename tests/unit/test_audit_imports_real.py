"""What sound projects do that looks like a fault, and beside each the fault that it looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.test_audit_imports import causes, of

if TYPE_CHECKING:
    from pathlib import Path

INSTALLED = {"pytest.ini": "[pytest]\npythonpath = site-packages\n"}
"""A folder of this name holds what others wrote: it is read, not judged."""


def installed(root: Path, text: str, **files: str) -> list[tuple[str, str]]:
    """Return the causes of a test file with this text, where modules of these names are installed."""
    modules = {f"site-packages/{name.replace('__', '/', 1)}.py": body for name, body in files.items()}
    return causes(root, {**INSTALLED, "test_it.py": text, **modules})


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("from own import import_module\nx = import_module('gone_x')", True),
        ("from importlib import import_module\nx = import_module('gone_x')", False),
        ("from handed import import_module\nx = import_module('gone_x')", False),
        ("import importlib\nx = importlib.import_module('gone_x')", False),
        ("import own\nx = own.import_module('gone_x')", True),
        ("x = __import__('gone_x')", False),
        ("def __import__(name): pass\nx = __import__('gone_x')", True),
        ("from own import import_module\nx = import_module('gone_x')\nif x:\n    import gone_y", True),
    ],
)
def test_a_function_of_the_name_of_importlibs(tmp_path: Path, text: str, *, sound: bool) -> None:
    """Only what was bound to importlib's own counts, also when another module hands it on."""
    modules = {"own": "def import_module(name): pass\n", "handed": "from importlib import import_module\n"}
    assert of(tmp_path, text + "\n", **modules) == ([] if sound else [("missing-dependency", "gone_x")])


@pytest.mark.parametrize(
    ("run", "sound"),
    [
        ("exec(compile(open(__file__).read(), 'x', 'exec'), globals(), locals())", True),
        ("exec(open(__file__).read())", True),
        ("exec('x = 1')", False),
        ("exec(open(__file__).read(), {})", False),
        ("def f():\n    exec(open(__file__).read(), globals())", False),
    ],
)
def test_code_that_nobody_has_read(tmp_path: Path, run: str, *, sound: bool) -> None:
    """It may make modules, when it is run at import and in the names of the module."""
    expected = [] if sound else [("missing-dependency", "made_x")]
    assert of(tmp_path, "import made_x\n", conftest=run + "\nfrom made_x import *\n") == expected
    # What the file that runs it does not import itself is as missing as ever.
    assert of(tmp_path, "import other_x\n", conftest=run + "\n") == [("missing-dependency", "other_x")]


@pytest.mark.parametrize(
    ("run", "sound"),
    [
        ("exec(source)", True),
        ("exec(source, globals())", True),
        ("exec(source, names)", False),
        ("def f(source):\n    exec(source, globals())\nf(source)", True),
        ("def f(source):\n    exec(source, {})\nf(source)", False),
        ("def f(source):\n    exec(source)\nf(source)", False),
    ],
)
def test_names_that_exec_binds(tmp_path: Path, run: str, *, sound: bool) -> None:
    """Those of the module, unless it is given another dictionary, or stands in a function."""
    module = f"source, names = 'x = 1', {{}}\n{run}\n"
    assert of(tmp_path, "from made import gone\n", made=module) == ([] if sound else [("missing-name", "made.gone")])


def test_a_star_brings_what_is_listed(tmp_path: Path) -> None:
    """Where `__all__` can be read, the rest of an open module does not count; where it cannot, anything may come."""
    listed = "source = 'x = 1'\nexec(source)\n__all__ = ['source']\n"
    unlisted = "source = 'x = 1'\nexec(source)\n"
    text = "from through import gone\n"
    assert of(tmp_path, text, through="from made import *\n", made=listed) == [("missing-name", "through.gone")]
    assert of(tmp_path, text, made=unlisted) == []
    assert of(tmp_path, text, made=listed + "__all__ += [n for n in dir()]\n") == []


@pytest.mark.parametrize(
    ("start", "build", "sound"),
    [
        ("from . import _build\n", "import sys\nsys.modules['other'] = object()\n", True),
        ("from ._build import make\n", "import sys\nsys.meta_path.append(1)\ndef make(): pass\n", True),
        ("from . import _build\n", "import sys\nprint(sys.modules)\n", False),
        ("", "import sys\nsys.modules['other'] = object()\n", False),
    ],
)
def test_an_installed_package_that_puts_another_in_its_place(
    tmp_path: Path, start: str, build: str, *, sound: bool
) -> None:
    """By a module that it imports itself; then it may have any name and any module."""
    text = "from other import curry\nimport other.deep\n"
    found = installed(tmp_path, text, other____init__=start, other___build=build)
    assert found == ([] if sound else [("missing-module", "other.deep"), ("missing-name", "other.curry")])


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("from other import Manager, __version__", None),
        ("from other import HookManager", "other.HookManager"),
        ("import other\nother.Manage", "other.Manage"),
        ("from other.inner import late", None),
        ("from other.inner import later", "other.inner.later"),
    ],
)
def test_names_of_what_is_installed(tmp_path: Path, text: str, missing: str | None) -> None:
    """Read from its source, with the names that a plain `__getattr__` knows."""
    start = (
        "from .inner import Manager\n"
        "def __getattr__(name):\n    if name == '__version__':\n        return 1\n    raise AttributeError(name)\n"
    )
    inner = "class Manager:\n    def __getattr__(self, name): pass\ndef f():\n    global late\n    late = 1\n"
    found = installed(tmp_path, text + "\n", other____init__=start, other__inner=inner)
    assert found == ([("missing-name", missing)] if missing else [])


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("from typing import Annotated, TYPE_CHECKING", None),
        ("from typing import Annotate_d", "typing.Annotate_d"),
        ("from os.path import join, joined", "os.path.joined"),
        ("import os\nos.path.joined", "os.path.joined"),
        ("from itertools import chain, chained", "itertools.chained"),
        ("import math\nmath.pie", "math.pie"),
        ("import math\nmath.pi", None),
        ("import math\nmath.pie = 3\nmath.pie", None),
        ("import sys\nsys._called_from_test", None),
        ("import time\nif hasattr(time, 'clock'):\n    time.clock", None),
        ("try:\n    from itertools import chained\nexcept ImportError:\n    chained = None", None),
        (
            "import xml\nfrom collections import OrderedDict, abc\nfrom concurrent.futures import ThreadPoolExecutor",
            None,
        ),
        ("from email.mime.text import MIMEText\nfrom importlib import metadata, resources", None),
    ],
)
def test_names_of_the_standard_library(tmp_path: Path, text: str, missing: str | None) -> None:
    """Compiled or not: the interpreter knows them."""
    found = of(tmp_path, text + "\n")
    assert [target.replace("posixpath", "os.path") for _, target in found] == ([missing] if missing else [])


@pytest.mark.parametrize(("bound", "sound"), [("< (99,)", True), (">= (99,)", False)])
def test_files_for_another_python(tmp_path: Path, bound: str, *, sound: bool) -> None:
    """A conftest leaves out what this version of Python cannot parse."""
    conftest = f"import sys\ncollect_ignore_glob = []\nif sys.version_info {bound}:\n"
    conftest += "    collect_ignore_glob.append('*_newer.py')\n"
    found = causes(tmp_path, {"conftest.py": conftest, "deep/test_newer.py": "x = (\n", "test_it.py": ""})
    assert found == ([] if sound else [("syntax-error", "deep/test_newer.py")])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("class Rows:\n    many = [nothing for _ in range(3)]", "nothing"),
        ("class Rows:\n    one = 1\n    many = [one for _ in range(3)]", "one"),
        ("class Rows:\n    ones = [1]\n    many = [n for n in ones]", None),
        ("class Rows:\n    ones = [1]\n    many = [n for n in ones if n in nothing]", None),
        ("class Rows:\n    many = [nothing for _ in []]", None),
        ("class Rows:\n    many = (nothing for _ in range(3))", None),
        ("try:\n    import gone_x\nexcept ImportError as failure:\n    pass\nfailure", "failure"),
        ("try:\n    import gone_x\nexcept ImportError as failure:\n    kept = failure\nkept", None),
        ("failure = 1\ntry:\n    import json\nexcept ImportError as failure:\n    pass\nfailure", None),
    ],
)
def test_names_that_live_shortly(tmp_path: Path, text: str, name: str | None) -> None:
    """Those of a class are not seen by a comprehension in it, but by its first source; that of a handler goes."""
    assert of(tmp_path, text + "\n") == ([("undefined-name", name)] if name else [])


def test_a_package_that_is_not_bound_yet(tmp_path: Path) -> None:
    """A package is an attribute of the one around it once it has been imported; `import … as` needs no attribute."""
    files = {
        "top/__init__.py": "",
        "top/pkg/__init__.py": "LIMIT = 3\nfrom . import a\n",
        "test_it.py": "import top.pkg\n",
    }
    attribute = "import top.pkg\nfirst = top.pkg.LIMIT\n"
    assert [kind for kind, _ in causes(tmp_path, {**files, "top/pkg/a.py": attribute})] == ["import-circle"]
    assert causes(tmp_path, {**files, "top/pkg/a.py": "import top.pkg as p\nfirst = p.LIMIT\n"}) == []
    assert causes(tmp_path, {**files, "top/pkg/a.py": "from top.pkg import LIMIT\n"}) == []
