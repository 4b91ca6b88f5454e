"""All that an audit can find, explained: causes, lost files, the rules for one test file and the rules of import.

An example is one file, or several: a line `# ---- path` starts each.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from test_framework.audit.causes import CAUSES
from test_framework.audit.removed_rules import REMOVED_RULES
from test_framework.audit.rules.catalogue import RULES
from test_framework.audit.rules.rule import Rule, make_explanation
from test_framework.config import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOST = (
    make_explanation(
        "unreached",
        "A test file that no tier selects",
        "It lies in none of the `paths` of the tiers in `[tool.test_framework.tiers]`, so that no session ever "
        "runs it. Move it, name its folder in a tier, or leave it out by `exclude` in the settings. Not judged in "
        "a project without such settings.",
        """
        # ---- pyproject.toml
        [tool.test_framework.tiers.unit]
        paths = ["tests/unit"]
        # ---- tests/unit/test_start.py
        def test_start():
            assert 1 + 1 == 2
        # ---- elsewhere/test_stop.py
        def test_stop():
            assert 1 + 2 == 3
        """,
        """
        # ---- pyproject.toml
        [tool.test_framework.tiers.unit]
        paths = ["tests/unit", "elsewhere"]
        # ---- tests/unit/test_start.py
        def test_start():
            assert 1 + 1 == 2
        # ---- elsewhere/test_stop.py
        def test_stop():
            assert 1 + 2 == 3
        """,
    ),
)

_ACCEPT = (
    " Where it is meant: `# audit: ok[{id}] why` on the line on which the import begins or on that of the name; "
    "`# audit: file-ok[{id}] why` in a line of its own for the file."
)

_IMPORTS = (
    make_explanation(
        "moved-name",
        "An import of a name that has moved",
        'The settings say so: `[tool.test_framework.audit.moved]`, `"old.module.name" = "new.module.name"`.'
        + _ACCEPT.format(id="moved-name"),
        """
        # ---- pyproject.toml
        [tool.test_framework.audit.moved]
        "json.decode" = "json.loads"
        # ---- helpers.py
        def load(text):
            from json import decode
            return decode(text)
        """,
        """
        # ---- pyproject.toml
        [tool.test_framework.audit.moved]
        "json.decode" = "json.loads"
        # ---- helpers.py
        def load(text):
            from json import loads
            return loads(text)
        """,
    ),
    make_explanation(
        "critical-missing",
        "A critical module or name that is not there",
        "`critical` in `[tool.test_framework.audit]` lists modules, and names as `module:name`, that must be "
        "importable.",
        """
        # ---- pyproject.toml
        [tool.test_framework.audit]
        critical = ["json:decode"]
        """,
        """
        # ---- pyproject.toml
        [tool.test_framework.audit]
        critical = ["json:loads"]
        """,
    ),
)

LOST: MappingProxyType[str, Rule] = MappingProxyType({rule.id: rule for rule in _LOST})
"""What is wrong with where a file lies."""

IMPORT_RULES: MappingProxyType[str, Rule] = MappingProxyType({rule.id: rule for rule in _IMPORTS})
"""Breaches of what a project's settings say of imports."""

EXPLAINED: MappingProxyType[str, Rule] = MappingProxyType({**CAUSES, **LOST, **RULES, **IMPORT_RULES})
"""Everything, by its id."""


def explain(name: str) -> Iterator[str]:
    """Yield the page for one id, as `--explain` prints it.

    Raises:
        BadSetting: There is none of this id.
    """
    if name in REMOVED_RULES:
        code = REMOVED_RULES[name]
        raise BadSetting(f"{name} in --explain is ruff's rule {code} now: `ruff rule {code}` explains it.")
    if name not in EXPLAINED:
        raise BadSetting.unknown("id", name, "--explain", EXPLAINED)
    rule = EXPLAINED[name]
    yield f"{rule.id}: {rule.title}"
    yield ""
    yield rule.explanation
    for title, example in (("Found in", rule.example_bad), ("Fine", rule.example_good)):
        yield ""
        yield f"{title}:"
        yield ""
        yield from (f"    {line}".rstrip() for line in example.splitlines())
