"""Moved names in one module: each form is rewritten, everything else stays as it is, letter by letter."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from test_framework.audit.moves import Moves
from test_framework.config import BadSetting

rewriting = pytest.importorskip("test_framework.audit.codemod.module_rewriting", exc_type=ModuleNotFoundError)

if TYPE_CHECKING:
    from pathlib import Path

MOVED = {
    "old.mod.Name": "new.mod.Other",
    "old.pkg": "new.pkg",
    "old.pkg.special": "elsewhere.special",
    "app.old": "app.new",
    "app.gone": "new.gone",
    "tool": "tools.it",
    "deep.er": "flat",
    "a.b.n": "a.b.m",
    "app.load": "app.loading",
}


class Known:
    """The modules that are there now; the package `app` binds `load` itself, to a function of what is now a module."""

    def is_module(self, name: str) -> bool:
        """Whether it is one of them."""
        return name in {"new.mod", "new.pkg", "old.mod", "app.new", "tools.it", "flat", "a.b", "app.loading"}

    def is_rebound(self, name: str) -> bool:
        """Whether it is that name."""
        return name == "app.load"


def rewritten(text: str, package: str = "app", *, initial: bool = False) -> tuple[str, list[int]]:
    """Return the new text and the lines that were left; a second run has nothing to do."""
    moves = Moves.of(MOVED, "the test")
    made = rewriting.rewrite(text, moves, package, Known(), initial=initial)
    again = rewriting.rewrite(made.text, moves, package, Known(), initial=initial)
    assert again.text == made.text
    ast.parse(made.text)
    return made.text, [line for line, _ in made.skipped]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import old.pkg\nold.pkg.x\n", "import new.pkg\nnew.pkg.x\n"),
        ("import old.pkg.sub as c, json\nc.x\n", "import new.pkg.sub as c, json\nc.x\n"),
        ("import old.pkg.special\n", "import elsewhere.special\n"),
        ("import old.pkg\nold.thing\n", "import old, new.pkg\nold.thing\n"),
        ("import old.pkg, old.z\nold.z, old.pkg.y\n", "import new.pkg, old.z\nold.z, new.pkg.y\n"),
        ("import tool as t\nt.x\n", "import tools.it as t\nt.x\n"),
        ("import tool\ntool.x(tool)\n", "import tools.it\ntools.it.x(tools.it)\n"),
        ("import deep.er\ndeep.er.x\n", "import flat\nflat.x\n"),
        ("from deep import er, b\n", "from deep import b\nimport flat as er\n"),
        ("from old.pkg.sub import x\n", "from new.pkg.sub import x\n"),
        ("from old import pkg\npkg.x\n", "from new import pkg\npkg.x\n"),
        ("from old.mod import Name\nName\n", "from new.mod import Other as Name\nName\n"),
        ("from old.mod import Name as N\n", "from new.mod import Other as N\n"),
        ("from old.mod import Name as Other\n", "from new.mod import Other\n"),
        ("from old.mod import A, Name, B\n", "from old.mod import A, B\nfrom new.mod import Other as Name\n"),
        ("import old.mod\nold.mod.Name()\n", "import new.mod\nnew.mod.Other()\n"),
        ("import old.mod\nold.mod.Name, old.mod.y\n", "import old.mod\nimport new.mod\nnew.mod.Other, old.mod.y\n"),
        ("import old.mod as m\nm.Name, m.y\n", "import old.mod as m\nimport new.mod\nnew.mod.Other, m.y\n"),
        ("from old import mod\nmod.Name.x\n", "import new.mod\nnew.mod.Other.x\n"),
        ("import a.b as c\nc.n = 1\ndel c.n\n", "import a.b as c\nc.m = 1\ndel c.m\n"),
        ("def f():\n    old.pkg.x\nimport old.pkg\n", "def f():\n    new.pkg.x\nimport new.pkg\n"),
        ("def f():\n    import old.pkg; old.pkg.x\n", "def f():\n    import new.pkg; new.pkg.x\n"),
        ("from old.mod import *\nfrom old.pkg import *\n", "from old.mod import *\nfrom new.pkg import *\n"),
        ("import old.pkg\nx: 'list[old.pkg.X]'\n", "import new.pkg\nx: 'list[new.pkg.X]'\n"),
        (
            "x = [old.pkg.y for z in old.pkg.w]\nimport old.pkg\n",
            "x = [new.pkg.y for z in new.pkg.w]\nimport new.pkg\n",
        ),
    ],
)
def test_forms(before: str, after: str) -> None:
    """Whatever way a name is imported, it goes on to be bound to the same thing."""
    assert rewritten(before)[0] == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from . import old\n", "from . import new as old\n"),
        ("from . import old, y\n", "from . import new as old, y\n"),
        ("from .old import z\n", "from .new import z\n"),
        ("from .old.deep import z\n", "from .new.deep import z\n"),
        ("from .gone import z  # noqa: F401\n", "from new.gone import z  # noqa: F401\n"),
        ("from . import gone\n", "from new import gone\n"),
        ("from ..old import z\n", "from ..old import z\n"),
    ],
)
def test_relative_imports(before: str, after: str) -> None:
    """They stay relative within the package, and become absolute when the name has left it; one beyond it is left."""
    assert rewritten(before)[0] == after


def test_relative_imports_of_a_deeper_package() -> None:
    """Dots count from the package of the file."""
    assert rewritten("from ..old import z\nfrom .old import y\n", "app.sub") == (
        "from ..new import z\nfrom .old import y\n",
        [],
    )


@pytest.mark.parametrize(
    "text",
    [
        "from old import mod, pkgs\nmod.Names\n",
        "import older.pkg\n",
        "x = old.pkg\n",
        "def f(old):\n    return old.pkg\n",
        "from x import old\nold.pkg.y\n",
        "print('old.mod.Name')\n__all__ = ['Name']\n# old.mod.Name\n",
        "patch('old.model')\npatch(b'old.pkg')\npatch(f'old.pkg.{x}')\npatch('see old.pkg')\npatch('old.' 'pkg')\n",
        "from new.mod import Other as Name\nimport new.pkg\nnew.pkg.x\n",
    ],
)
def test_look_alikes(text: str) -> None:
    """Other names, names of other things, texts that nobody takes for names."""
    assert rewritten(text) == (text, [])


@pytest.mark.parametrize(
    "call",
    [
        "patch({})",
        "mock.patch({}, new=1)",
        "@patch({})\ndef f(x): ...",
        "patch.dict({})",
        "patch.object(target={})",
        "monkeypatch.setattr({}, 1)",
        "monkeypatch.delattr({})",
        "pytest.importorskip({})",
        "importlib.import_module({})",
        "pytest_plugins = {}",
        "pytest_plugins = [{}, 'other']",
    ],
)
def test_texts_that_are_names(call: str) -> None:
    """The moved name itself, and what is in it; quotes and prefix stay."""
    for old, new in (("'old.mod.Name'", "'new.mod.Other'"), ('r"old.pkg.x.y"', 'r"new.pkg.x.y"')):
        assert rewritten(call.format(old) + "\n")[0] == call.format(new) + "\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from app import load\nload()\n", "from app import load\nload()\n"),
        ("from . import load\n", "from . import load\n"),
        ("import app\napp.load()\n", "import app\napp.load()\n"),
        ("patch('app.load')\n", "patch('app.load')\n"),
        ("patch('app.load.x')\n", "patch('app.loading.x')\n"),
        ("import_module('app.load')\n", "import_module('app.loading')\n"),
        ("from app.load import load\n", "from app.loading import load\n"),
        ("from .load import load\n", "from .loading import load\n"),
        ("import app.load\napp.load()\n", "import app.loading\napp.load()\n"),
    ],
)
def test_a_package_that_means_something_else_by_the_name_of_a_module(before: str, after: str) -> None:
    """A module has moved; the function that its package offers by the same name has not."""
    assert rewritten(before)[0] == after


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\nfrom old.mod import *\n", 2),
        ("try:\n    import old.pkg\nexcept ImportError:\n    old = None\n", 2),
        ("import old.mod\ndef f(new):\n    return old.mod.Name\n", 1),
        ("from x import new\nimport old.pkg\nold.pkg\n", 2),
        ("if x:\n    import old.mod as m\nelse:\n    import other as m\nm.Name\n", 2),
    ],
)
def test_what_is_left_is_named(text: str, line: int) -> None:
    """Where nobody can know what a name is, or the new one is taken, the file stays and the line is told."""
    assert rewritten(text) == (text, [line])


def test_comments_and_layout() -> None:
    """Only the names change; the comment of a name goes where the name goes."""
    before = (
        "'''Text.'''\n\nfrom old.mod import (  # top\n    A,  # a\n\n    # about Name\n    Name,  # name\n"
        "    B,\n)  # end\n"
        "if  x :   from old.pkg  import  (y)  # odd\nz=( old . pkg\n   . w )\nimport   old.pkg\n"
    )
    after, skipped = rewritten(before)
    assert after == (
        "'''Text.'''\n\nfrom old.mod import (  # top\n    A,  # a\n\n    # about Name\n    B,\n)  # end\n"
        "from new.mod import (\n    Other as Name,  # name\n)\n"
        "if  x :   from new.pkg  import  (y)  # odd\nz=( new.pkg\n   . w )\nimport   new.pkg\n"
    )
    assert skipped == []


def test_what_a_tool_was_told_holds_for_both_lines() -> None:
    """An import that becomes two keeps its `noqa` on both; another comment stays once."""
    made, _ = rewritten("from old.mod import A, Name  # noqa: F401\nfrom old.mod import B, Name as N  # why\n")
    assert made.count("# noqa: F401") == 2
    assert made.count("# why") == 1


@pytest.mark.parametrize(("kept", "initial"), [("__all__ = ['mod']\n", False), ("", True)])
def test_imports_that_others_use_stay(kept: str, *, initial: bool) -> None:
    """What `__all__` names, and what a package's `__init__` imports, is not taken away."""
    made, _ = rewritten(f"from old import mod\nmod.Name\n{kept}", initial=initial)
    assert made == f"from old import mod\nimport new.mod\nnew.mod.Other\n{kept}"


def test_line_endings_stay() -> None:
    """Those of Windows too, in new lines as well."""
    assert rewritten("import old.mod\r\nold.mod.Name, old.mod\r\n")[0] == (
        "import old.mod\r\nimport new.mod\r\nnew.mod.Other, old.mod\r\n"
    )


def test_what_libcst_cannot_parse() -> None:
    """The reason is one line."""
    with pytest.raises(rewriting.CannotRewrite) as caught:
        rewritten("def f(:\n")
    assert "\n" not in str(caught.value)


def test_moves_lead_to_their_end() -> None:
    """A name that moves on is taken all the way; what moves deeper into itself arrives once."""
    moves = Moves.of({"a": "b", "b.c": "d", "e": "e.core"}, "the test")
    assert [moves.target(n) for n in ("a", "a.x", "a.c.y", "b.c", "b", "e.x", "e.core.x", "ab")] == [
        "b",
        "b.x",
        "b.c.y",
        "d",
        None,
        "e.core.x",
        None,
        None,
    ]


@pytest.mark.parametrize("moved", [{"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "a.x"}, {"a b": "c"}, {"a": "c."}])
def test_moves_that_cannot_be(moved: dict[str, str]) -> None:
    """Circles, and what is no dotted name; the message says which and where it was set."""
    with pytest.raises(BadSetting, match="pyproject"):
        Moves.of(moved, "pyproject.toml")


def test_names_mean_the_same_when_it_runs(tmp_path: Path) -> None:
    """A program prints the same before and after, with its modules where they were and where they are now."""
    packages = {
        "old/__init__.py": "",
        "old/mod.py": "class Name: who = 'name'\nstay = 'stay'\n",
        "old/pkg/__init__.py": "x = 'pkg'\n",
        "old/pkg/sub.py": "y = 'sub'\n",
        "new/__init__.py": "",
        "new/mod.py": "class Other: who = 'name'\n",
        "new/pkg/__init__.py": "x = 'pkg'\n",
        "new/pkg/sub.py": "y = 'sub'\n",
    }
    for name, text in packages.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    program = (
        "import old.mod, old.pkg.sub as s\nimport old.pkg\n"
        "from old.mod import Name, stay\nfrom old import pkg as p, mod\n"
        "def f():\n    import old.pkg.sub\n    return old.pkg.sub.y, old.mod.Name.who\n"
        "print(old.mod.Name.who, old.pkg.x, s.y, Name.who, stay, p.x, mod.Name.who, mod.stay, *f())\n"
    )
    told = [
        subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, check=True).stdout
        for text in (program, rewritten(program)[0])
    ]
    assert told[0] == told[1] == b"name pkg sub name stay pkg name stay sub name\n"
