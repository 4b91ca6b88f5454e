"""Functions that are called while a file is imported, and beside each what looks like a call and is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.audit import AuditOptions
from tests.unit.test_audit_imports import audited, causes, of

if TYPE_CHECKING:
    from pathlib import Path

GONE = [("missing-dependency", "gone_x")]
LIB = {
    "lib": (
        "def build(flag=False):\n    import gone_x\n    return gone_x\n"
        "def name():\n    from json import gone_y\n"
        "def deep():\n    return build()\n"
        "def never():\n    import gone_z\n"
        "class Made:\n    def __init__(self, x=1):\n        import gone_x\n"
        "class Below(Made):\n    pass\n"
    )
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from lib import build\nX = build()", GONE),
        ("from lib import build as b\nb()", GONE),
        ("from lib import *\nbuild()", GONE),
        ("import lib\nX = [1, lib.build()]", GONE),
        ("import lib as other\nother.build()", GONE),
        ("from lib import name\nname()", [("missing-name", "json.gone_y")]),
        ("from lib import deep\nif True:\n    deep()", GONE),
        ("from lib import build\nclass A:\n    x = build()", GONE),
        ("from lib import build\ndef f(x=build()): pass", GONE),
        ("from lib import build\n@build\ndef f(): pass", GONE),
        ("from lib import build\n@build\nclass A: pass", GONE),
        ("from lib import build\n@build(1)\ndef f(): pass", GONE),
        ("import lib\n@lib.build\ndef f(): pass", GONE),
        ("from lib import Made\nX = Made()", GONE),
        ("from lib import Below\nX = Below()", GONE),
        ("from lib import build\ntry:\n    build()\nexcept ValueError:\n    pass", GONE),
        ("def build():\n    import gone_x\nbuild()", GONE),
        ("def test_cases():\n    import gone_x\nX = test_cases()", GONE),
        ("def build():\n    def inner():\n        import gone_y\n    import gone_x\nbuild()", GONE),
        ("def build():\n    import app.gone\nbuild()", [("missing-dependency", "app")]),
        ("def one():\n    two()\ndef two():\n    one()\n    import gone_x\none()", GONE),
        ("def build():\n    raise RuntimeError\nbuild()", [("raises", "RuntimeError")]),
        # and what looks like it
        ("from lib import build, never", []),
        ("from lib import build\nX = build", []),
        ("from lib import build\ndef f():\n    build()", []),
        ("from lib import build\nf = lambda: build()", []),
        ("from lib import build\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    build()", []),
        ("from lib import build\nif __name__ == '__main__':\n    build()", []),
        ("from lib import build\nimport os\nif os.getpid() == 1:\n    build()", []),
        ("from lib import build\nimport os\nos.getpid() == 1 and build()", []),
        ("from lib import build\nassert 1, build()", []),
        ("from lib import build\nX = [build() for _ in []]", []),
        ("from lib import build\ntry:\n    build()\nexcept ImportError:\n    pass", []),
        ("from lib import build\nfrom contextlib import suppress\nwith suppress(ImportError):\n    build()", []),
        ("from lib import build\ndef build(): pass\nbuild()", []),
        ("import lib\nlib.build = print\nlib.build()", []),
        ("from lib import build\nclass A:\n    def build(): pass\n    build()", []),
        ("from lib import Made\nX = Made", []),
        ("from lib import Made\nclass Other(Made):\n    def __init__(self): pass\nOther()", []),
        ("from lib import Made\nclass Other(Made):\n    def __new__(cls): pass\nOther()", []),
        ("from lib import Made\nclass Meta(type): pass\nclass Other(Made, metaclass=Meta): pass\nOther()", []),
        ("from lib import Made\nimport enum\nclass Other(enum.Enum, Made): pass\nOther()", []),
    ],
)
def test_whether_a_function_runs_at_import(tmp_path: Path, text: str, found: list[tuple[str, str]]) -> None:
    """It does where it is surely called, by a name that is surely this function, and nobody catches what it raises."""
    assert of(tmp_path, text + "\n", **LIB) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("import gone_x", GONE),
        ("x = 1\nimport gone_x as x", GONE),
        ("if True:\n    import gone_x", GONE),
        ("def inner():\n    return 1\nimport gone_x", GONE),
        ("if flag:\n    return\nimport json\njson.gone", []),
        ("return\nimport gone_x", []),
        ("return 1\nimport gone_x", []),
        ("if flag:\n    return\nimport gone_x", []),
        ("for x in flag:\n    return x\nimport gone_x", []),
        ("try:\n    return flag()\nexcept ValueError:\n    import gone_x", []),
        ("try:\n    x = flag.x\nexcept AttributeError:\n    return\nimport gone_x", []),
        ("with flag:\n    return\nimport gone_x", []),
        ("raise SystemExit\nimport gone_x", [("raises", "SystemExit")]),
        ("if flag:\n    import gone_x", []),
        ("if READY:\n    return\nimport gone_x", []),
        ("if LIST:\n    import gone_y\nelse:\n    import gone_x", []),
        ("if not SET_LATER:\n    import gone_x", []),
        ("try:\n    import gone_x\nexcept ImportError:\n    pass", []),
        ("if TYPE_CHECKING:\n    import gone_x", []),
        ("def inner():\n    import gone_x\nreturn inner", []),
        ("yield 1\nimport gone_x", []),
        ("undefined_here", []),
        ("x = flag.nothing\nx.y", []),
        ("global READY\nREADY = True", []),
        ("import pytest\npytest.importorskip('gone_x')\nimport gone_x", []),
        ("import pytest\npytest.skip('no', allow_module_level=True)\nimport gone_x", []),
        ("import sys\nsys.path.append('/nowhere')\nsys.modules[flag] = 1", []),
    ],
)
@pytest.mark.parametrize("where", ["here", "there"])
def test_what_runs_in_a_function(tmp_path: Path, body: str, found: list[tuple[str, str]], where: str) -> None:
    """Up to where it may return, with arguments and changing names of which nothing is known."""
    text = "from typing import TYPE_CHECKING\nREADY, LIST, SET_LATER = True, [], False\nSET_LATER = False\n"
    text += "def ready():\n    global READY\n    READY = False\n"
    text += "def build(flag=None):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    if where == "there":
        setter = "import lib\nlib.SET_LATER = True\nlib.build()\n"
        assert of(tmp_path, setter, lib=text) == found
    else:
        assert of(tmp_path, text.replace("SET_LATER = False\n", "SET_LATER = True\n") + "build()\n") == found


@pytest.mark.parametrize(
    "start",
    ["async def build():", "import functools\n@functools.singledispatch\ndef build():", "if x:\n  def build():"],
)
def test_what_a_call_does_not_run(tmp_path: Path, start: str) -> None:
    """A coroutine, what a decorator has made of a function, and one that may be another."""
    body = "    import gone_x\n"
    assert of(tmp_path, f"import os\nx = os.getpid()\n{start}\n{body}build()\n") == []


def test_a_fault_is_told_where_it_lies(tmp_path: Path) -> None:
    """In the file of the function, on the line of the import; for each test file that calls it, once."""
    files = {f"test_{n}.py": "from lib import deep, build\ndeep()\nbuild()\n" for n in "ab"}
    found = audited(tmp_path, {"lib.py": "'''\nlib\n'''\n" + LIB["lib"], **files, "test_c.py": "import lib\n"})
    (cause,) = found.causes
    assert (cause.path, cause.line, cause.files) == ("lib.py", 5, ("test_a.py", "test_b.py"))
    assert [(c.via, c.line) for b in found.broken for c in b.causes] == [("lib.py", 5)] * 2


def test_what_a_function_imports_is_there_afterwards(tmp_path: Path) -> None:
    """A submodule that only a function imports, a folder that it puts on the path, a file that it skips perhaps."""
    package = {"app/__init__.py": "", "app/sub.py": "x = 1\n", "elsewhere/far.py": ""}
    load = "def load():\n    import app.sub\n"
    assert causes(tmp_path, {**package, "test_it.py": f"import app\n{load}load()\napp.sub.x\n"}) == []
    assert causes(tmp_path, {"test_it.py": f"import app\n{load}app.sub.x\n"}) == [("missing-name", "app.sub")]
    add = "import os, sys\ndef add():\n    here = os.path.dirname(__file__)\n    sys.path.append(here + '/elsewhere')\n"
    assert causes(tmp_path, {"test_it.py": f"{add}add()\nimport far\n"}) == []
    assert causes(tmp_path, {"test_it.py": f"{add}import far\n"}) == [("missing-module", "far")]
    need = "import pytest\ndef need(x):\n    if not x:\n        pytest.skip('no', allow_module_level=True)\n"
    assert causes(tmp_path, {"test_it.py": f"{need}need(1)\nimport gone_x\n"}) == []
    assert causes(tmp_path, {"test_it.py": f"{need}import gone_x\n"}) == GONE


def test_a_list_that_a_function_makes_longer(tmp_path: Path) -> None:
    """What it adds is not known, so that a star may bring it."""
    lib = "__all__ = []\ndef export(f):\n    __all__.append(f.__name__)\n    return f\n@export\ndef run(): pass\n"
    assert of(tmp_path, "from lib import *\nrun\n", lib=lib) == []
    assert of(tmp_path, "from lib import *\nrun\n", lib=lib.replace("@export\n", "")) == [("undefined-name", "run")]


def test_a_body_that_changes_is_followed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nothing else of the file does; also the body of a function that it calls, and what one imports."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root, asked = tmp_path / "project", AuditOptions()
    files = {
        "test_it.py": "from lib import build\nbuild()\n",
        "lib.py": "from deep import load\ndef build():\n    return load()\n",
        "deep.py": "def load():\n    from test_other import x\n    import json\n",
        "test_other.py": "x = 1\n",
    }
    assert causes(root, files, asked) == []
    assert causes(root, {}, asked) == []
    assert causes(root, {"deep.py": files["deep.py"].replace("json", "gone_x")}, asked) == GONE
    assert causes(root, {"deep.py": files["deep.py"]}, asked) == []
    assert causes(root, {"test_other.py": "y = 1\n"}, asked) == [("missing-name", "test_other.x")]
