"""Writes docs/reasons.md, reference.md and rules.md from the code, and README.md: `python docs/generate.py`.

A test of the infrastructure tier fails when they are not what this writes.
"""

from __future__ import annotations

import argparse
import inspect
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework.audit.causes import CAUSES
from test_framework.audit.explained import IMPORT_RULES, LOST
from test_framework.audit.rules.catalogue import RULES
from test_framework.config.custom import CustomServiceSettings
from test_framework.config.load import PREFIX
from test_framework.config.model import (
    PATHS,
    AuditSettings,
    E2ESettings,
    HealthSettings,
    LayerSettings,
    ModeSettings,
    ServiceLevels,
    ServiceSettings,
    Settings,
    StandInSettings,
    TierSettings,
)
from test_framework.config.modes import LAYERS, MODES
from test_framework.config.tiers import TIERS
from test_framework.plugin import fixtures, markers, options
from test_framework.reasons import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).parent
MADE = "<!-- Made by docs/generate.py; do not edit. -->\n"


def index() -> Iterator[str]:
    """Yield the page that leads to all others, each by its title."""
    yield MADE
    yield "# Documentation\n"
    yield "The commands on these pages are run by tests, page by page. Where the source of a page names a file beside a"
    yield "block, that file runs the same; `run by hand` is what measures for hours."
    made = [HERE / name for name in ("reference.md", "reasons.md", "rules.md")]
    others = [page for page in sorted(HERE.glob("*.md")) if page not in made and page.name != "README.md"]
    groups = {
        "Learn": sorted(HERE.glob("tutorial/*.md")),
        "Do": sorted(HERE.glob("how-to/*.md")),
        "Look up": made,
        "Understand": [*sorted(HERE.glob("explanation/*.md")), *others],
    }
    for title, pages in groups.items():
        yield f"\n## {title}\n"
        for page in pages:
            heading = next(line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("# "))
            yield f"- [{heading[2:]}]({page.relative_to(HERE).as_posix()})"


def reasons() -> Iterator[str]:
    """Yield the page of all codes."""
    yield MADE
    yield "# Reasons\n"
    yield "An *unavailable* provider lets the next one be tried. A *broken* one fails the test.\n"
    yield from table(
        ("code", "kind", "message", "what to do"),
        [(f"`{code}`", entry.kind, entry.message, entry.remedy) for code, entry in CATALOGUE.items()],
    )


def reference() -> Iterator[str]:
    """Yield the page of settings, options, markers and fixtures."""
    yield MADE
    yield "# Reference\n"
    yield "## Settings\n"
    yield "Later ones win: `pyproject.toml`, the environment, the command line. Within one of them, `providers` of a"
    yield "service win over those of the tier, and these over the general ones. Times are in seconds.\n"
    yield "In a variable, a list is `A, B` and a table `KEY=VALUE, …`; what has a comma in it stands in the file, as"
    yield "do tiers, layers and modes.\n"
    yield f"### `[tool.test_framework]`, or `{PREFIX}KEY`\n"
    yield from settings(Settings)
    yield f"\n### `[tool.test_framework.services.NAME]`, or `{PREFIX}NAME_KEY`\n"
    yield from settings(ServiceSettings)
    yield f"\n### The same with a name of your own, or `{PREFIX}NAME_KEY`\n"
    yield "[How to](how-to/services.md). Beside the keys above, but for `isolation` and `extensions`;"
    yield "`template` needs a `class`.\n"
    yield from settings(CustomServiceSettings, ServiceSettings)
    yield from end_to_end()
    yield f"\n### `[tool.test_framework.audit]`, or `{PREFIX}AUDIT_KEY`\n"
    yield "What `python -m test_framework audit` looks for, and how much of it is too much.\n"
    yield from settings(AuditSettings)
    yield f"\n### `[tool.test_framework.health]`, or `{PREFIX}HEALTH_KEY`\n"
    yield "How far the suite may move from its baseline before `python -m test_framework health check` says so.\n"
    yield from settings(HealthSettings)
    yield "\n### `[tool.test_framework.tiers.NAME]`\n"
    yield from settings(TierSettings)
    yield "\nTiers that are there without settings:\n"
    yield from table(
        ("tier", "paths", "services", "providers", "network"),
        [
            (n, ", ".join(t.paths), ", ".join(t.services), ", ".join(t.providers), "yes" if t.network else "no")
            for n, t in TIERS.items()
        ],
    )
    yield "\n### `[tool.test_framework.layers.NAME]`\n"
    yield "What [`run --execution-mode`](how-to/run.md) runs together, and within which time.\n"
    yield from settings(LayerSettings)
    yield "\nLayers that are there without settings:\n"
    yield from table(
        ("layer", "tiers", "budget_seconds"),
        [(name, ", ".join(layer.tiers), f"{layer.budget_seconds:g}") for name, layer in LAYERS.items()],
    )
    yield "\n### `[tool.test_framework.modes.NAME]`\n"
    yield from settings(ModeSettings)
    yield "\nModes that are there without settings:\n"
    yield from table(("mode", "layers"), [(name, ", ".join(mode.layers)) for name, mode in MODES.items()])
    yield "\n## Options of pytest\n"
    yield from table(("option", "meaning"), command_line())
    yield "\n## Markers\n"
    yield from table(("marker", "meaning"), [(f"`{name}`", meaning) for name, meaning in markers.MARKERS.items()])
    yield "\n## Fixtures\n"
    yield from table(("fixture", "scope", "meaning"), named_fixtures())


def end_to_end() -> Iterator[str]:
    """Yield the tables of end-to-end tests and of staging."""
    yield f"\n### `[tool.test_framework.e2e]`, or `{PREFIX}E2E_KEY`\n"
    yield "What end-to-end tests talk to. [How to](how-to/staging.md#say-what-is-under-test).\n"
    yield from settings(E2ESettings)
    yield "\nPaths that are there without settings:\n"
    yield from table(("name", "path"), [(name, f"`{path}`") for name, path in PATHS.items()])
    yield f"\n### `[tool.test_framework.stand_in]`, or `{PREFIX}STAND_IN_KEY`\n"
    yield "A staging environment on this machine. [How to](how-to/staging.md#try-it-without-one).\n"
    yield from settings(StandInSettings)
    yield f"\n### `[tool.test_framework.levels]`, or `{PREFIX}LEVELS_KEY`\n"
    yield "What tests of service levels hold a backend to.\n"
    yield from settings(ServiceLevels)


def rules() -> Iterator[str]:
    """Yield the page of all that an audit can find."""
    yield MADE
    yield "# What the audit finds\n"
    yield "`python -m test_framework audit --explain ID` prints the same."
    yield "A line `# ---- path` starts a file of an example."
    groups = {
        "Why pytest cannot import a file": CAUSES,
        "In test files": {**LOST, **RULES},
        "Rules of import, from the settings": IMPORT_RULES,
    }
    for title, group in groups.items():
        yield f"\n## {title}"
        for rule in group.values():
            yield f"\n### `{rule.id}`: {rule.title[0].lower()}{rule.title[1:]}\n"
            yield f"{rule.explanation}\n"
            for name, example in (("Found in", rule.example_bad), ("Fine", rule.example_good)):
                yield f"{name}:\n\n```text\n{example}```" + ("\n" if name == "Found in" else "")


def settings(model: type[Any], known: type[Any] | None = None) -> Iterator[str]:
    """Yield the table of one table of settings, without the keys of one that is told already."""
    told = {f.name for f in fields(known)} if known else set()
    kinds = {"tuple[str, ...]": "list", "float": "number", "int": "whole number", "bool": "boolean"}
    kinds["Mapping[str, str]"] = "table"
    yield from table(
        ("key", "type", "default", "meaning"),
        [
            (f"`{f.metadata.get('key', f.name)}`", kinds.get(str(f.type), "text"), shown(f), meant(f))
            for f in fields(model)
            if "meaning" in f.metadata and f.name not in told
        ],
    )


def meant(setting: Field[Any]) -> str:
    """Return what a setting means, and which services have it where not all do."""
    of = setting.metadata.get("of", ())
    return f"{setting.metadata['meaning']}{'; of ' if of else ''}{' and '.join(of)}"


def shown(setting: Field[Any]) -> str:
    """Write a default as in TOML."""
    value = setting.default
    if value is MISSING:
        return "`{}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        inner = ", ".join(f'"{item}"' for item in value)
        return f"`[{inner}]`"
    return f"`{value:g}`" if isinstance(value, float | int) else f'`"{value}"`'


def command_line() -> list[tuple[str, str]]:
    """Return the options with their help, as the plugin registers them."""
    parser = argparse.ArgumentParser(add_help=False)

    class Parser:
        """Takes the place of pytest's own, which does the same with more around it."""

        def getgroup(self, *_: str) -> Parser:
            return self

        addoption = staticmethod(parser.add_argument)

    options.add(Parser())  # type: ignore[arg-type]  # see above
    found = parser._actions  # noqa: SLF001  # argparse has no public list of them
    return [(f"`{a.option_strings[0]}{f' {a.metavar}' if a.metavar else ''}`", a.help or "") for a in found]


def named_fixtures() -> list[tuple[str, str, str]]:
    """Return the fixtures with their scope and their docstring."""
    found = [(name, getattr(fixtures, name)) for name in fixtures.__all__]
    marked = [(name, fixture._fixture_function_marker.scope, fixture) for name, fixture in found]  # noqa: SLF001
    return [(f"`{name}`", scope, inspect.getdoc(fixture) or "") for name, scope, fixture in marked]


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield a Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        cells = [" ".join(cell.split()).replace("|", r"\|") for cell in row]
        yield f"| {' | '.join(cells)} |"


PAGES = {"README.md": index, "reasons.md": reasons, "reference.md": reference, "rules.md": rules}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (HERE / name).write_text("\n".join(page()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
