"""Faults of the settings: one is not read, or not refused."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "the command line switches on what was off",
        "config/load",
        "            reader.top.values[key] += before\n",
        "            pass\n",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "servers stay after a run in CI",
        "config/load",
        'reader.put(reader.top, "idle_seconds", 0, variable)',
        "pass",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "an idle time that was set does not hold in CI",
        "config/load",
        'if (variable := ci_variable(env)) and "idle_seconds" not in reader.top.values:',
        "if variable := ci_variable(env):",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a misspelt variable is ignored",
        "config/load",
        "            if variable not in known:\n                raise"
        ' BadSetting.unknown("variable", variable, "the environment", known, _may_lack_a_table(variable))',
        "            if variable not in known:\n                continue",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "an empty variable is a value",
        "config/load",
        'if self.env[variable] != "":',
        "if True:",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a misspelt table is ignored",
        "config/load",
        "for name in tool.keys() & _NEARLY_OURS:",
        "for name in ():",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a misspelt key is ignored",
        "config/load",
        '            raise BadSetting.unknown("key",',
        '            return\n            raise BadSetting.unknown("key",',
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a URL in the place of a table is shown",
        "config/load",
        '"***" if isinstance(table, str) else table, source, "a table")',
        'table, source, "a table")',
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a tier of the project loses its defaults",
        "config/load",
        "replace(there.get(n) or model(), **t.values)",
        "model(**t.values)",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "the farthest folder with a table is the root",
        "config/load",
        '        if text is not None and f"[{_TABLE}" in text:\n            return folder',
        '        if text is not None and f"[{_TABLE}" in text:\n            first = folder',
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a number may be true",
        "config/values",
        "if isinstance(value, bool) or not isinstance(value, int | float)",
        "if not isinstance(value, int | float)",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a time may be longer than the system can wait",
        "config/values",
        "MOST_SECONDS if timed else EXACT)\n    if number",
        "EXACT)\n    if number",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a count may be less than its least",
        "config/values",
        "or not least <= number <= EXACT:",
        "or not number <= EXACT:",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "no is yes",
        "config/values",
        "return value.lower() in _YES",
        "return bool(value)",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a misspelt choice in a list is taken",
        "config/values",
        "        if item not in choices:",
        "        if not choices:",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a null byte is taken",
        "config/values",
        'if any("\\0" in part for part in _parts(value)):',
        "if False:",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a secret is shown in the error of a setting",
        "config/values",
        'shown = "***" if spec.metadata.get("secret") else value',
        "shown = value",
        "tests/unit/test_config.py",
    ),
    _mutant(
        "a mode may name a layer that is not there",
        "config/modes",
        "            if layer not in settings.layers:",
        "            if layer not in mode.layers:",
        "tests/unit/test_config.py::test_a_mode_of_layers_and_tiers_that_are_not_there",
    ),
    _mutant(
        "a pattern with a slash is held against the name",
        "config/tiers",
        'path if "/" in pattern else path.rpartition("/")[2]',
        'path.rpartition("/")[2]',
        "tests/unit/test_run.py::test_a_pattern",
    ),
    _mutant(
        "a tier without its folder runs nothing",
        "config/tiers",
        "if not (settings.root / path).exists()]",
        "if not path]",
        "tests/unit/test_plugin_errors.py::test_an_option_that_cannot_be_used",
    ),
    _mutant(
        "a field that is not known stays as text",
        "config/fields",
        "if field is not None and not _is_known(field, known, prefix):",
        "if field is None and known is None:",
        "tests/unit/test_exec.py",
    ),
    Mutant(
        "a template that is not there is found after a server was started",
        "test_framework/plugin/options.py",
        "        refuse_missing_files(settings)\n",
        "",
        ("tests/unit/test_template_files.py",),
    ),
    Mutant(
        "a callable is looked for as a file",
        "test_framework/config/template.py",
        "if not is_callable(entry) and not",
        "if not",
        ("tests/unit/test_template_files.py",),
    ),
)
