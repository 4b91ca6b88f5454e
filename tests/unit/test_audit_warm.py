"""What is kept from run to run: the answer is always that of a run without a cache."""

from __future__ import annotations

import ast
import os
import sysconfig
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework import suite
from test_framework.audit import Audit, AuditOptions, audit
from test_framework.audit import cache as cache_module
from test_framework.audit import run as run_module
from test_framework.audit.source.module_reader import read
from test_framework.audit.source.skeleton import skeleton
from test_framework.audit.source.tables import without_tables
from test_framework.config import load
from tests.support.cuts import cuts
from tests.support.strangers import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = {
    "app/__init__.py": "",
    "app/core.py": "def run(): pass\nLIMIT = 3\n",
    "tests/__init__.py": "",
    "tests/test_shared.py": "def test_shared():\n    assert run\nVALUE = 1\n",
    "tests/test_it.py": "import os\nfrom app.core import run\n\ndef test_run():\n    assert run() is None\n",
    "tests/test_other.py": "from tests.test_shared import VALUE\n\ndef test_value():\n    assert VALUE\n",
    "tests/test_undefined.py": "one = 1\nprint(ona)\n",
    "tests/test_broken.py": "from app.core import gone\n\ndef test_gone():\n    assert gone\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has been audited once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    _audited(root)
    return root


def _audited(root: Path, *, cache: bool = True) -> Audit:
    return audit(root, [], load(root, {}), AuditOptions(cache=cache))


def _told(found: Audit) -> dict[str, object]:
    return {key: value for key, value in found.to_json().items() if key != "seconds"}


_ADDED = "\n\ndef test_more():\n    assert True is not None\n"
_CHANGES = {
    "a test": ("tests/test_it.py", _FILES["tests/test_it.py"] + _ADDED, True),
    "a comment above": ("tests/test_it.py", "# why\n" + _FILES["tests/test_it.py"], True),
    "a body": ("tests/test_it.py", _FILES["tests/test_it.py"].replace("is None", "== 1"), True),
    "another name": ("tests/test_it.py", _FILES["tests/test_it.py"].replace("test_run", "test_other_run"), True),
    "an import": ("tests/test_it.py", "import gone\n" + _FILES["tests/test_it.py"], False),
    "an import gone": ("tests/test_it.py", _FILES["tests/test_it.py"].replace("import os\n", ""), False),
    "a use": ("tests/test_it.py", _FILES["tests/test_it.py"] + "test_gone()\n", False),
    "a special name": ("tests/test_it.py", _FILES["tests/test_it.py"] + "pytest_plugins = make()\n", False),
    "a syntax error": ("tests/test_it.py", _FILES["tests/test_it.py"] + "def test_x(:\n", False),
    "one that another imports": ("tests/test_shared.py", "def test_shared():\n    assert 1\n", False),
    "a broken one": ("tests/test_broken.py", "\n" + _FILES["tests/test_broken.py"], False),
    "a test in a broken one": ("tests/test_broken.py", _FILES["tests/test_broken.py"] + _ADDED, True),
    "one of an undefined name": ("tests/test_undefined.py", "one = 1\nprint(ona)\n\ndef ona_(): pass\n", False),
    "a broken one mended": ("tests/test_broken.py", _FILES["tests/test_it.py"], False),
    "a module": ("app/core.py", "LIMIT = 3\n", False),
    "a module that gets a name": ("app/core.py", _FILES["app/core.py"] + "gone = 1\n", False),
    "a new file": ("tests/test_new.py", "import gone\n", False),
    "a new module that shadows": ("os.py", "raise OSError\n", False),
    "settings": ("pyproject.toml", "[tool.pytest.ini_options]\npython_files = ['test_it.py']\n", False),
}


@pytest.mark.parametrize(("name", "text", "kept"), _CHANGES.values(), ids=_CHANGES)
def test_a_change_is_seen_as_without_a_cache(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, *, kept: bool
) -> None:
    """And what could not change anything for the other files takes no second session."""
    (project / name).write_text(text, encoding="utf-8")
    held: list[bool] = []
    holds = run_module._AuditRun._holds  # whether it was asked and what it said is not to be seen from outside

    def _noted(*given: object) -> bool:
        held.append(holds(*given))  # type: ignore[arg-type]
        return held[-1]

    monkeypatch.setattr(run_module._AuditRun, "_holds", _noted)
    warm = _audited(project)
    assert _told(warm) == _told(_audited(project, cache=False))
    assert held[:1] == [kept] or (not held and not kept)
    # What was kept then is kept rightly.
    assert _told(_audited(project)) == _told(warm)


def test_a_module_of_others_that_comes_and_goes_is_seen(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders of others are looked at again."""
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(outside))
    (project / "tests/test_it.py").write_text("import installed_later\n", encoding="utf-8")
    broken = [b.path for b in _audited(project).broken]
    assert "tests/test_it.py" in broken
    (outside / "installed_later.py").write_text("", encoding="utf-8")
    assert "tests/test_it.py" not in [b.path for b in _audited(project).broken]
    (outside / "installed_later.py").unlink()
    assert [b.path for b in _audited(project).broken] == broken


@pytest.mark.parametrize("cache", [True, False], ids=["kept", "not kept"])
def test_what_does_not_compile_has_nothing_but_its_error(project: Path, *, cache: bool) -> None:
    """Its tests are not judged, since nobody knows what they were to be: not now, and not in the next run."""
    text = "def test_nothing():\n    pass\n\n\ndef test_more():\n    "
    for body, rules in (("assert more()", ["empty-body"]), ("return = 1", []), ("return 1; yield 2", ["empty-body"])):
        (project / "tests/test_it.py").write_text(text + body + "\n", encoding="utf-8")
        for _ in range(2):
            found = _audited(project, cache=cache)
            told = [f.rule for f in found.quality if f.path == "tests/test_it.py" and f.test == "test_nothing"]
            assert told == rules
            assert ("tests/test_it.py" in found.unparseable) is (not rules)


# -- tables -----------------------------------------------------------------------------------------

_ROWS = """[
    {"id": 1, 'name': "it's", "more": [1.5e3, -2], "on": True},  # a "comment
    {"id": 2, "name": b"x\\"y", "more": (), "on": None},
]"""
_TABLES = {
    "rows": f"x = 1\nROWS = {_ROWS}\ny = x\n",
    "annotated": f"x = 1\nROWS: list = {_ROWS}\ny = x\n",
    "dictionary": 'x = 1\nROWS = {\n    "a": [1],\n    "b": {\n        2: 3,\n    },\n}\ny = x\n',
    "in a class": 'class A:\n    rows = {\n        "a": 1,\n    }\n    y = rows\n',
    "after a text": f'"""\nROWS = [\n{{"a": 1}}\n"""\nROWS = {_ROWS}\ny = 1\n',
}
_LEFT = {
    "names": "x = 1\nROWS = [\n    {1: x},\n]\n",
    "a list of names": '__all__ = [\n    "a",\n    "b",\n]\n',
    "a set": 'x = 1\nNAMES = {\n    "a",\n}\n',
    "a text": "x = 1\ny = '''\nROWS = {\n    1: 2,\n}\n'''\n",
    "a comprehension": "x = 1\nROWS = [\n    {1: 2}\n    for _ in x\n]\n",
    "a call": "x = 1\nROWS = [\n    {1: 2},\n].copy(\n)\n",
    "brackets in texts": 'x = 1\nROWS = {\n    1: "(",\n}\n',
    "f-strings": 'x = 1\nROWS = {\n    1: f"{x}",\n}\n',
}


@cuts
@pytest.mark.parametrize("text", _TABLES.values(), ids=_TABLES)
def test_a_table_of_data_is_cut(text: str) -> None:
    """What is left does the same at import, in the same lines."""
    cut = without_tables(text)
    assert len(ast.dump(ast.parse(cut))) < len(ast.dump(ast.parse(text)))
    assert read(ast.parse(cut)) == read(ast.parse(text))


@pytest.mark.parametrize("text", _LEFT.values(), ids=_LEFT)
def test_what_is_no_table_stays(text: str) -> None:
    """Names, calls, lists of names, and what stands in a text."""
    assert without_tables(text) == text


def _library() -> Iterator[Path]:
    yield from sorted(Path(sysconfig.get_path("stdlib")).glob("[a-z]*.py"))
    yield from sorted((Path(sysconfig.get_path("stdlib")) / "encodings").glob("*.py"))


@cuts
def test_the_standard_library_does_the_same_without_its_tables() -> None:
    """Each of its files, and some have tables."""
    cut = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in _library():
            text = skeleton(path.read_text(encoding="utf-8", errors="replace"))
            without = without_tables(text)
            if without != text:
                cut += 1
                assert read(ast.parse(without)) == read(ast.parse(text)), path
    assert cut > 3


def test_other_code_reads_every_file_anew(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept holds for the code that has read it: that of the audit and of the package beside it."""

    def is_kept() -> bool:
        cache_module._code.cache_clear()
        return bool(cache_module.AuditCache(str(project), "").entries)

    there = tmp_path / "suite"
    there.mkdir()
    (there / "__init__.py").write_text("one = 1\n", encoding="utf-8")
    monkeypatch.setattr(suite, "__file__", str(there / "__init__.py"))
    try:
        cache_module._code.cache_clear()
        kept = cache_module.AuditCache(str(project), "")
        kept.entries, kept.changed = {"a": cache_module.CacheEntry(0, 0, b"", b"")}, True
        kept.save()
        assert is_kept()
        (there / "__init__.py").write_text("one = 2\n", encoding="utf-8")
        assert not is_kept()
    finally:
        cache_module._code.cache_clear()


@pytest.mark.needs("root")
def test_what_another_user_has_put_there_is_not_read(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody may write to the folder of caches on some machines."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = cache_module.AuditCache(str(project), "")
    kept.entries, kept.changed = {"a": cache_module.CacheEntry(0, 0, b"", b"")}, True
    kept.save()
    assert cache_module.AuditCache(str(project), "").entries
    os.chown(kept.path, NOBODY, NOBODY)
    assert not cache_module.AuditCache(str(project), "").entries
