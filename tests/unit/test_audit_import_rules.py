"""What a project says of its imports: moved names and critical ones, and how much of each folder keeps to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.audit import Audit, AuditOptions, audit, explain
from test_framework.audit.moved_imports import find_moved_imports
from test_framework.audit.moves import Moves
from test_framework.cli import main
from test_framework.config import BadSetting, load

if TYPE_CHECKING:
    from pathlib import Path

MOVED = Moves.of(
    {
        "shop.basket": "shop.cart",
        "shop.cart": "shop.cart.core",
        "shop.money.Price": "shop.prices.Amount",
        "acme": "wile",
        "acme.anvil": "anvils",
    },
    "a test",
)


def told(text: str) -> list[tuple[int, str]]:
    """Return line and words of each import of what has moved."""
    return [(line, message) for line, _, message in find_moved_imports(MOVED, text, "shop")]


def audited(root: Path, settings: str, files: dict[str, str]) -> Audit:
    """Return the audit of a project with these settings and files."""
    for name, text in {"pyproject.toml": f"[tool.test_framework.audit]\n{settings}\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return audit(root, [], load(root, {}), AuditOptions(cache=False))


@pytest.mark.parametrize(
    ("text", "moves"),
    [
        ("import shop.basket", ["shop.basket has moved to shop.cart.core"]),
        ("from shop.basket import add, take", ["shop.basket has moved to shop.cart.core"]),
        ("from shop import basket", ["shop.basket has moved to shop.cart.core"]),
        ("from .basket import add", ["shop.basket has moved to shop.cart.core"]),
        ("from shop.basket import *", ["shop.basket has moved to shop.cart.core"]),
        ("from shop.money import Price as P", ["shop.money.Price has moved to shop.prices.Amount"]),
        ("from acme.anvil import heavy", ["acme.anvil has moved to anvils"]),
        (
            "from acme import anvil, rocket",
            ["acme has moved to wile", "acme.anvil has moved to anvils"],
        ),
        ("from shop.cart import add", ["shop.cart has moved to shop.cart.core"]),
        ("from shop.cart.core import add\nfrom shop.cart import core", []),
        ("from shop.money import Prices, tax\nfrom shop.money import *\nimport shop.baskets", []),
        ("from ..basket import add", []),
        ("TEXT = 'from shop.basket import add'", []),
    ],
)
def test_what_has_moved(text: str, moves: list[str]) -> None:
    """The innermost move counts, and where it ends; what is in its new place is fine."""
    assert [message for _, message in told(text + "\n")] == moves


def test_yes_i_mean_it() -> None:
    """With a reason, on the line or for the file; a comment for another rule or line, or in a text, accepts nothing."""
    rule, statement = "moved-name", "from shop.basket import add"
    assert told(f"{statement}\n")
    assert told(f"{statement}  # audit: ok[{rule}] the old files are read by it\n") == []
    assert told(f"{statement}  # audit: ok[no-test, {rule}] as above\r\n") == []
    assert told(f"# audit: file-ok[{rule}] it is a shim\n\n{statement}\n") == []
    assert told(f"{statement}  # audit: ok[no-test] why\n")
    assert told(f"# audit: ok[{rule}] the line above does not count\n{statement}\n")
    assert told(f"{statement}\nTEXT = '# audit: file-ok[{rule}] why'\n")
    ((line, message),) = told(f"{statement}  # audit: ok[{rule}]\n")
    assert (line, message.endswith("the comment says no reason: it accepts nothing")) == (1, True)


def test_a_name_among_several_is_accepted_on_its_own_line() -> None:
    """What stands beside it is not."""
    text = "from acme import (\n    one,  # audit: ok[moved-name] old data\n    anvil,\n)\n"
    assert told(text) == [(1, "acme.anvil has moved to anvils")]
    assert told("from acme import (  # audit: ok[moved-name] old data\n    one,\n    anvil,\n)\n") == []


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('forbidden = ["pickle"]', ("forbidden", "TID251", "banned-api")),
        ("forbidden = 3", ("forbidden", "TID251", "banned-api")),
        ("absolute_imports = true", ("absolute_imports", "TID252", 'ban-relative-imports = "all"')),
    ],
)
def test_a_setting_that_ruff_has(tmp_path: Path, setting: str, words: tuple[str, ...]) -> None:
    """One line names it, where it was set, and what is to be set instead, in the file and as a variable."""
    with pytest.raises(
        BadSetting, match=r"pyproject.toml \[tool.test_framework.audit\] is no longer a setting"
    ) as caught:
        audited(tmp_path, setting, {"test_it.py": ""})
    assert all(word in str(caught.value) for word in words)
    variable = f"TEST_FRAMEWORK_AUDIT_{words[0].upper()}"
    with pytest.raises(BadSetting, match=rf"^{variable} in the environment is no longer a setting: .*{words[1]}"):
        load(tmp_path / "elsewhere", {variable: "x"})


@pytest.mark.parametrize(("rule", "code"), [("forbidden-import", "TID251"), ("relative-import-style", "TID252")])
@pytest.mark.parametrize(
    ("comment", "line"), [("x = 1\nx = 2  # audit: ok[no-test, {}] why\n", ":2"), ("# audit: file-ok[{}] why\n", "")]
)
def test_a_comment_for_a_rule_that_ruff_has(tmp_path: Path, rule: str, code: str, comment: str, line: str) -> None:
    """In whichever file of the project: one line says where it is, and which rule of ruff's takes its place."""
    where = rf"^app/one.py{line} accepts {rule}, ruff's rule {code} now: write `# noqa: {code}`\.$"
    with pytest.raises(BadSetting, match=where):
        audited(tmp_path, "", {"app/one.py": comment.format(rule), "test_it.py": ""})
    audited(tmp_path, "", {"app/one.py": f"TEXT = {comment.format(rule)!r}\n"})


@pytest.mark.parametrize(("rule", "code"), [("forbidden-import", "TID251"), ("relative-import-style", "TID252")])
def test_the_explanation_of_a_rule_that_ruff_has(rule: str, code: str) -> None:
    """It is ruff's."""
    with pytest.raises(BadSetting, match=f"^{rule} in --explain is ruff's rule {code} now: `ruff rule {code}`"):
        list(explain(rule))


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("app.core", ""),
        ("app.core:run", ""),
        ("app:core", ""),
        ("json:loads", ""),
        ("app.gone", "app.gone cannot be imported: missing-module app.gone"),
        ("nothing_x", "nothing_x cannot be imported: missing-dependency nothing_x"),
        ("nothing_x:run", "nothing_x cannot be imported: missing-dependency nothing_x"),
        ("app.core:gone", "app.core has no gone"),
        ("app:gone", "app has no gone"),
        ("json:decode", "json has no decode"),
        ("app.broken", "app.broken cannot be imported: missing-name app.core.gone"),
        ("app.broken:here", "app.broken cannot be imported: missing-name app.core.gone"),
        ("app.bad", "app.bad cannot be imported: syntax-error app/bad.py"),
        ("app.shy", "app.shy skips itself"),
    ],
)
def test_what_is_critical_must_be_there(tmp_path: Path, wanted: str, why: str) -> None:
    """A module, or a name of it, whether a test imports it or not."""
    files = {
        "app/__init__.py": "",
        "app/core.py": "def run(): pass\n",
        "app/broken.py": "from app.core import gone\nhere = 1\n",
        "app/bad.py": "x = (\n",
        "app/shy.py": "import unittest\nraise unittest.SkipTest('no')\n",
        "test_it.py": "def test_it():\n    assert 1 + 1 == 2\n",
    }
    found = audited(tmp_path, f'critical = ["{wanted}"]', files)
    assert [(f.path, f.rule, f.message) for f in found.imports] == (
        [("pyproject.toml", "critical-missing", why)] if why else []
    )
    assert found.broken == ()


@pytest.mark.parametrize("wanted", ["", "app:", "app:core.run", "app core", ":run", "app/core.py"])
def test_what_cannot_be_critical(tmp_path: Path, wanted: str) -> None:
    """One line says what it is, where it was set and what it should be."""
    with pytest.raises(BadSetting, match=r"critical = .* in \[tool.test_framework.audit\] must be a module") as caught:
        audited(tmp_path, f'critical = ["{wanted}"]', {"test_it.py": ""})
    assert repr(wanted) in str(caught.value)


def test_moves_in_a_circle_are_misuse(tmp_path: Path) -> None:
    """As they are for who rewrites them."""
    with pytest.raises(BadSetting, match="moves in a circle"):
        audited(tmp_path, '[tool.test_framework.audit.moved]\n"a" = "b"\n"b" = "a"', {"test_it.py": ""})


def test_how_far_each_folder_keeps_the_rules(tmp_path: Path) -> None:
    """A file counts once, however often it breaks them; what is accepted and what is critical does not count."""
    files = {
        "app/__init__.py": "",
        "app/one.py": "import pickle\nfrom pickle import loads\n",
        "app/two.py": "import pickle  # audit: ok[moved-name] old files\n",
        "app/three.py": "import json\n",
        "tests/test_a.py": "import pickle\n",
        "tests/test_b.py": "def f():\n    from pickle import x\n",
        "fine/test_c.py": "",
    }
    settings = 'moved = { pickle = "marshal" }\ncritical = ["app.gone"]'
    found = audited(tmp_path, settings, files)
    assert [(c.path, c.files, c.breaking) for c in found.compliance] == [("app", 4, 1), ("fine", 1, 0), ("tests", 2, 2)]
    assert [c["rate"] for c in found.to_json()["compliance"]] == [0.75, 1.0, 0.0]
    assert [(f.path, f.line, f.rule) for f in found.imports] == [
        ("pyproject.toml", 1, "critical-missing"),
        ("app/one.py", 1, "moved-name"),
        ("app/one.py", 2, "moved-name"),
        ("tests/test_a.py", 1, "moved-name"),
        ("tests/test_b.py", 2, "moved-name"),
    ]
    assert audited(tmp_path, "", files).compliance == ()


@pytest.mark.parametrize(
    ("setting", "option", "status"),
    [
        ("", [], 1),
        ("", ["--installed"], 1),
        ("", ["--declared"], 0),
        ('packages = "declared"', [], 0),
        ('packages = "declared"', ["--declared"], 0),
        ('packages = "declared"', ["--installed"], 1),
        ('packages = "installed"', [], 1),
    ],
)
def test_which_packages_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, option: list[str], status: int
) -> None:
    """The settings say it, and the command line for one run: this package is declared, and not installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = "import absent_thing\n\n\ndef test_it():\n    assert absent_thing.start()\n"
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    project = f'[project]\ndependencies = ["absent-thing"]\n[tool.test_framework.audit]\n{setting}\n'
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
    assert main(["audit", *option]) == status
    # What is kept of one question is no answer to the other.
    assert main(["audit", *option]) == status
    assert main(["audit", "--declared"]) == 0
    assert main(["audit", "--installed"]) == 1
