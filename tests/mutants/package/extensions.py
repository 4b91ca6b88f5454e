"""Faults of Postgres' extensions: a server without one serves, or the lack is told as something else."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_EXTENSIONS = "test_framework/services/_postgres_extensions.py"
_POSTGRES = "test_framework/services/postgres.py"
_TEMPLATES = "test_framework/services/_postgres_templates.py"
_UNIT = ("tests/unit/test_postgres_extensions.py",)
_RUNS = "tests/system/test_postgres_extensions.py"
_SUPERVISOR = "tests/integration/test_postgres_extensions.py"
_CALLABLE = (f"{_RUNS}::test_a_template_for_which_the_server_lacks_one[a callable, in CI]",)
_FILE = (f"{_RUNS}::test_a_template_for_which_the_server_lacks_one[a file]",)
_LIBRARY = (f"{_RUNS}::test_a_library_that_cannot_be_loaded_is_no_mistake_of_the_template",)

MUTANTS = (
    Mutant(
        "an extension may have any name",
        "test_framework/config/values.py",
        'if "pattern" in spec',
        'if 0 and "pattern" in spec',
        _UNIT,
    ),
    Mutant("an extension in a comment is needed", _EXTENSIONS, 'r"--[^\\n]*",', "", _UNIT),
    Mutant("an extension in a long comment is needed", _EXTENSIONS, r'r"/\*.*?\*/",', "", _UNIT),
    Mutant(
        "an extension in a nested comment is needed", _EXTENSIONS, 'if part[0].startswith("/*") and', "if 0 and", _UNIT
    ),
    Mutant(
        "an extension in a text with a backslash is needed",
        _EXTENSIONS,
        """r"(?<!\\w)e'(?:[^'\\\\]|\\\\.|'')*'",""",
        "",
        _UNIT,
    ),
    Mutant("an extension in a text is needed", _EXTENSIONS, """r"'(?:[^']|'')*'",""", "", _UNIT),
    Mutant("an extension in a name is needed", _EXTENSIONS, """r'"(?:[^"]|"")*"',""", "", _UNIT),
    Mutant(
        "an extension that a block tries to create is needed",
        _EXTENSIONS,
        r'r"(?<![\w$])(?P<tag>\$(?:[a-z_]\w*)?\$).*?(?P=tag)",',
        "",
        _UNIT,
    ),
    Mutant(
        "an extension in capitals is not found",
        _EXTENSIONS,
        'statement["plain"].lower()',
        'statement["plain"]',
        _UNIT,
    ),
    Mutant(
        "a template that was edited needs what it needed before",
        _EXTENSIONS,
        "(stat.st_ino, stat.st_size, stat.st_mtime_ns)",
        "()",
        _UNIT,
    ),
    Mutant(
        "a missing file of a template is a fault of ours",
        _EXTENSIONS,
        "except OSError:\n            # A",
        "except ZeroDivisionError:\n            # A",
        _UNIT,
    ),
    Mutant("what pg_config says is not heard", _EXTENSIONS, "layouts = (told, *(", "layouts = (None, *(", _UNIT),
    Mutant(
        "a folder without extensions is taken for theirs",
        _EXTENSIONS,
        'if (folder / f"{_ALWAYS}.control").is_file()',
        "",
        _UNIT,
    ),
    Mutant("Debian's extensions are not found", _EXTENSIONS, ', "../../../share/postgresql/{name}")', ")", _UNIT),
    Mutant(
        "a program is refused whose extensions nobody finds",
        _EXTENSIONS,
        "if folder is None:\n        return ()",
        "if folder is None:\n        return tuple(names)",
        _UNIT,
    ),
    Mutant(
        "a program of which nothing is known is said to have an extension",
        _EXTENSIONS,
        "return _folder_of(program) is not None and",
        "return",
        _UNIT,
    ),
    Mutant(
        "an extension of Postgres 12 that is missing is a mistake",
        _EXTENSIONS,
        """r'|could not open extension control file "[^"]*?(?P<file>[^"/\\\\]+)\\.control"'""",
        "r'|(?P<file>neither this)'",
        _UNIT,
    ),
    Mutant(
        "a library of the user's own is an extension",
        _EXTENSIONS,
        "if library.startswith(_name(statement)) or _name(statement).startswith(Path(library).stem):",
        "if library:",
        _UNIT,
    ),
    Mutant(
        "a library that cannot be loaded is a mistake of the template",
        _EXTENSIONS,
        "if found := _LIBRARY.search(said):",
        "if found := None:",
        _LIBRARY,
    ),
    Mutant(
        "a program that lacks an extension is chosen",
        _POSTGRES,
        "if lacks := extensions.lacking(path, need):",
        "if 0:",
        _UNIT,
    ),
    Mutant(
        "a program of a version that is refused hides what another one lacks",
        _POSTGRES,
        "if binary and not (refuse and not satisfies(binary.version, wanted)):",
        "if binary:",
        _UNIT,
    ),
    Mutant(
        "a program of a version that is refused is named",
        _POSTGRES,
        "and (binary is None or satisfies(version, wanted))",
        "",
        _UNIT,
    ),
    Mutant(
        "no program at all is one without extensions",
        _POSTGRES,
        "        if lacks:\n            raise extensions.refused_programs",
        "        if True:\n            raise extensions.refused_programs",
        _UNIT,
    ),
    Mutant(
        "the settings do not reach the choice of a program",
        "test_framework/providers/_fetching.py",
        "context.env, context.settings)",
        "context.env)",
        (f"{_RUNS}::test_the_next_program_that_has_it_serves[template]",),
    ),
    Mutant(
        "an embedded server is not asked for its extensions",
        "test_framework/providers/embedded.py",
        "        self.service.check_extensions(self.endpoint, self.context)\n",
        "",
        (f"{_SUPERVISOR}::test_a_program_of_which_nothing_is_known_is_asked_once_it_runs",),
    ),
    Mutant(
        "a server at a URL is not asked for its extensions",
        "test_framework/providers/_external.py",
        "    service.check_extensions(endpoint, context)\n",
        "",
        (f"{_RUNS}::test_the_next_provider_is_tried",),
    ),
    Mutant(
        "a container is not asked for its extensions",
        "test_framework/providers/docker/container.py",
        "        service.check_extensions(self.endpoint, context)\n",
        "",
        (f"{_SUPERVISOR}::test_a_container_is_asked",),
        docker=True,
    ),
    Mutant(
        "a container that runs for others is not asked for what this run needs",
        "test_framework/supervisor/resolver.py",
        "                service.check_extensions(running.endpoint, context)\n",
        "",
        (f"{_SUPERVISOR}::test_a_container_is_asked",),
        docker=True,
    ),
    Mutant(
        "an extension that a file misses is a mistake in it",
        _TEMPLATES,
        "if lack := self._lack(entry, text, str(error), env):",
        "if lack := None:",
        _FILE,
    ),
    Mutant(
        "an extension that a callable misses is a mistake in it",
        _TEMPLATES,
        "if lack := self._lack(entry, said, said, env):",
        "if lack := None:",
        _CALLABLE,
    ),
    Mutant(
        "a template that failed is not tried by the next run",
        _TEMPLATES,
        "self._failed.get((run, key))",
        "next((f for (_, k), f in self._failed.items() if k == key), None)",
        (f"{_SUPERVISOR}::test_the_next_run_tries_a_template_again",),
    ),
    Mutant(
        "a template that failed is built for each test",
        _TEMPLATES,
        "self._failed[run, key] = refused\n",
        "pass\n",
        (f"{_SUPERVISOR}::test_the_next_run_tries_a_template_again",),
    ),
    Mutant(
        "a server that lacks an extension fails the test",
        "test_framework/plugin/lease.py",
        "if refused.reason.code is Code.EXTENSION_MISSING:",
        "if False:",
        _FILE,
    ),
    Mutant(
        "who has an extension is not said",
        "test_framework/services/_postgres_databases.py",
        "holders = [] if library else self._programs_with(missing, env)",
        "holders: list[str] = []",
        _FILE,
    ),
    Mutant(
        "an extension whose library is nowhere is taken to be there",
        _EXTENSIONS,
        "name not in there or name in unloadable)",
        "name not in there)",
        _UNIT,
    ),
    Mutant(
        "of several extensions, those whose libraries are there are lacking too",
        _EXTENSIONS,
        "unloadable = [name for name in there if _libraries_for(program, [name])] if",
        "unloadable = there if",
        _UNIT,
    ),
    Mutant(
        "the library of an extension is not what to install, but another server",
        _EXTENSIONS,
        "    ways = [_install_libraries([*unloadable])] if unloadable else []\n",
        "    ways = []\n",
        _UNIT,
    ),
    Mutant(
        "a library is to be installed on a server that others run",
        _EXTENSIONS,
        "(found := _NOT_FOUND.findall(library)) and endpoint.ours else []",
        "(found := _NOT_FOUND.findall(library)) else []",
        _UNIT,
    ),
    Mutant(
        "a run does not fetch the server that has its extensions",
        "test_framework/providers/_fetching.py",
        "_FETCHING_HELPS = (Code.BINARY_MISSING, Code.VERSION_MISMATCH, Code.EXTENSION_MISSING)",
        "_FETCHING_HELPS = (Code.BINARY_MISSING, Code.VERSION_MISMATCH)",
        ("tests/unit/test_store.py",),
    ),
    Mutant(
        "that an extension is missing is lost where a fetch has failed",
        "test_framework/providers/_fetching.py",
        "if refused and refused.reason.code is Code.EXTENSION_MISSING and not failed.reason.broken:",
        "if 0 and refused:",
        ("tests/unit/test_store.py",),
    ),
    Mutant(
        "a wheel that is another is taken for a missing extension",
        "test_framework/providers/_fetching.py",
        "Code.EXTENSION_MISSING and not failed.reason.broken:",
        "Code.EXTENSION_MISSING:",
        ("tests/unit/test_store.py",),
    ),
)
