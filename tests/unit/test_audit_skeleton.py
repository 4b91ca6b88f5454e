"""The skeleton of a source: the same statements outside of functions, in the same lines."""

from __future__ import annotations

import ast
import sys
import sysconfig
import warnings
from pathlib import Path

import pytest

from test_framework.audit.rules import Patterns, examine
from test_framework.audit.source.function_spans import functions
from test_framework.audit.source.skeleton import skeleton
from tests.support.cuts import cuts

_LIBRARY = Path(sysconfig.get_path("stdlib"))


def outside(tree: ast.Module) -> tuple[str, list[tuple[str, int]]]:
    """Return a tree without the bodies of its functions, and the lines of what is left."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = []
    lines = [(type(n).__name__, n.lineno) for n in ast.walk(tree) if isinstance(n, (ast.stmt, ast.expr))]
    return ast.dump(tree), lines


def parsed(text: str) -> ast.Module:
    """Return the tree; what the parser says of escapes is the source's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


_CUT = {
    "plain": "def f(a):\n    x = 1\n\n    return x\n\ny = 2\n",
    "last line": "def f():\n    return 1",
    "async": "async  def f():\n    await g()\nx = 1\n",
    "decorators": "@a\n@b(\n    1,\n)\ndef f():\n    pass\n@c\ndef g():\n    pass\nx = 1\n",
    "method": "class A:\n    x = 1\n    def f(self):\n        pass\n    y = 2\n    async def g(self):\n     a\nz = 3\n",
    "branches": "if a:\n    def f():\n        pass\nelse:\n    def f():\n        return 1\n",
    "try": "try:\n    def f():\n        pass\nexcept E:\n    x = 1\nfinally:\n    y = 2\n",
    "text with code": 'def f():\n    x = """\ndef g():\n    pass\n"""\n    return x\ny = 2\n',
    "text in text": "def f():\n    x = '''\n\"\"\"\nclass A: pass\n'''\n    y = \"'''\"\nz = 1\n",
    "text of two lines": 'def f():\n    x = "a\\\nclass b"\n    return x\ny = 2\n',
    "text above": 'X = """\ndef f():\n    pass\n"""\ndef g():\n    return 1\n',
    "brackets": "def f():\n    x = (\n1,\nfor_ if a\nelse b)\n    y = [\n2]\n    return x\nz = 1\n",
    "goes on": "def f():\n    x = 1 + \\\n2\n    return x\ny = 2\n",
    "comment": "def f():\n    x = 1\n# ( \" ''' \\\n    return x\n# end\ny = 2\n",
    "header": 'def f(a=")", b={1: (2, [3])}, *, c: "x:y" = lambda q: q) -> D["int"]:  # why: (\n    pass\nx = 1\n',
    "header of lines": "def f(\n    a,  # )\n    b=':',\n) -> (\n    int\n):\n    return 1\nx = 1\n",
    "lambda": "def f() -> (lambda: 0):\n    pass\nx = lambda: 1\n",
    "inner": "def f():\n    def g():\n        pass\n    class A:\n        def h(self): a\n    return g\nx = 1\n",
    "tabs": "class A:\n\tdef f(self):\n\t\treturn 1\n\tx = 2\n",
    "form feed": "def f():\n    pass\n\f\nx = 1\n\fdef g():\n    pass\n\fy = 2\n",
    "ends of lines": "def f():\r\n    return 1\r\nx = 1\r\n",
    "raw": 'def f():\n    x = r\'a\\\'\' + r"""b\\""""\n    return x\nz = 1\n',
    "f-string": 'def f():\n    return f"{a}" + f"""\n{b}\n"""\nx = 1\n',
    "text at the margin": 'def f():\n    """a\nclass B:\n    pass\n"""\n    return 1\nx = 1\n',
    "keyword at the margin": "def f():\n    x = g(1,\na = 2,\n# why\n\nb = 3)\n    return x\ny = 2\n",
    "keyword after a comment": "def f():\n    x = g(1,  # why\na = 2)\n    return x\ny = 2\n",
    "keyword of a lambda": "def f():\n    x = (lambda\na = 2: a)\n    return x\ny = 2\n",
    "decorator of lines": 'def f():\n    return 1\n@d(\n    [(1, ")"), {"(": []}],  # (\n)\n@e\ndef g():\n    pass\n',
    "header of brackets": 'def f(a: b[c["("], {}] = d(e(")"), ""), *, g=0,  # )\n) -> "H":\n    return 1\nx = 1\n',
    "at": "def f():\n    x = (a\n@ b)\n    return x\ny = 1\n",
}


@cuts
@pytest.mark.parametrize("text", _CUT.values(), ids=_CUT)
def test_what_stands_outside_of_functions_is_as_it_was(text: str) -> None:
    """The bodies are gone, and all else is in its line."""
    cut = skeleton(text)
    assert "return" not in cut.replace('"""\ndef', "")
    assert outside(parsed(cut)) == outside(parsed(text))
    assert cut != text


@cuts
@pytest.mark.parametrize(
    "text",
    [
        "def f(): return 1\nx = 1\n",
        "def f(): x = '''\n'''; return 1\ny = 1\n",
        "def f():\n    global x\n    x = 1\nf()\n",
        "def f():\n    globals()['x'] = 1\nf()\n",
        "def f():\n    sys.modules['a'] = b\nf()\n",
        "x = lambda: (\n    1\n)\n",
        "x = '''\ndef f():\n    pass\n'''\n",
        "async \\\ndef f():\n    pass\nx = 1\n",
        "if a:\n        def f():\n                pass\n\tx = 1\n",
    ],
    ids=["line", "line and text", "global", "globals", "modules", "lambda", "text", "async", "mixed"],
)
def test_what_stays_whole(text: str) -> None:
    """Bodies on one line, those that change their module, and all that is not understood."""
    assert skeleton(text) == text


@cuts
def test_a_quote_that_may_be_inside_of_an_f_string() -> None:
    """Since Python 3.12 one may follow an open brace: where it does, nothing is cut."""
    text = 'def f():\n    return f"{a}{{" + f"""\n{b}\n"""\nx = 1\n'
    assert (skeleton(text) == text) is (sys.version_info >= (3, 12))


@cuts
def test_where_functions_are() -> None:
    """Each outermost function with its text and its line."""
    text = "x = 1\n\n@d\ndef f(a):\n    def g(): ...\n\nclass A:\n    async def h(self):\n        pass\n"
    found = functions(text)
    assert found is not None
    assert [(f.line, text[f.start : f.body], text[f.body : f.end]) for f in found] == [
        (4, "def f(a):", "\n    def g(): ...\n\n"),
        (8, "    async def h(self):", "\n        pass\n"),
    ]


@cuts
def test_the_standard_library_is_as_it_was() -> None:
    """Each fourth of its files: what stands outside of functions, in the same lines."""
    compared, before, after = 0, 0, 0
    for path in sorted(_LIBRARY.glob("[a-z]*.py"))[::4]:
        text = path.read_text(encoding="utf-8", errors="replace")
        cut = skeleton(text)
        assert outside(parsed(cut)) == outside(parsed(text)), path
        compared, before, after = compared + 1, before + len(text), after + len(cut)
    assert compared > 25
    assert after < 0.6 * before


def test_where_it_cannot_be_relied_on_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests are judged all the same, from the whole tree."""
    text = "def test_a():\n    run()\n\n\ndef test_b():\n    assert run()\n"
    monkeypatch.setattr("test_framework.audit.source.lexical.RELIABLE", False)
    functions.cache_clear()
    assert skeleton(text) == text
    found = examine("test_it.py", text, None, patterns=Patterns())
    functions.cache_clear()
    assert [(doubt.line, doubt.rule) for doubt in found.doubts] == [(1, "no-assertion")]
