"""Faults of servers' options, of what servers are like without any, and of users without a name or a home."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_CHECKS = "test_framework/config/server_options.py"
_DATA = "test_framework/services/_postgres_data.py"
_CACHE = "test_framework/cache_folder.py"
_REDIS = "test_framework/services/redis.py"
_OPTIONS = ("tests/unit/test_server_options.py",)
_UNIT_DATA = ("tests/unit/test_postgres_data.py",)
_FOLDERS = ("tests/unit/test_cache_folder.py",)

MUTANTS = (
    Mutant("an option with a line for a dash opens another port", _CHECKS, '.replace("-", "_") if', " if", _OPTIONS),
    Mutant("an option that undoes what tests rely on is passed", _CHECKS, "    if why:\n", "    if False:\n", _OPTIONS),
    Mutant(
        "an option named as a secret stands on the command line",
        _CHECKS,
        "    if not why and SECRET_NAME.fullmatch",
        "    if False and SECRET_NAME.fullmatch",
        _OPTIONS,
    ),
    Mutant(
        "an option with a password in its value stands on the command line",
        _CHECKS,
        "if may_hold_secrets(text) and hide_secrets(text) != text:",
        "if False:",
        _OPTIONS,
    ),
    Mutant(
        "a line break in an option of Redis sets another one",
        _CHECKS,
        "    if _CONTROL.search(text):",
        "    if False:",
        _OPTIONS,
    ),
    Mutant(
        "a value of Redis opens another port of its container",
        _CHECKS,
        'if any(word.startswith("--") for word in found):',
        "if False:",
        _OPTIONS,
    ),
    Mutant("an option that is given twice is one of the two", _CHECKS, "if name in options:", "if False:", _OPTIONS),
    Mutant("true is no boolean of the server", _CHECKS, "isinstance(value, bool):", "False:", _OPTIONS),
    Mutant(
        "services without options do not say who has them",
        "test_framework/config/load.py",
        "_whose(key) if table.of_a_service else",
        '"" if table.of_a_service else',
        _OPTIONS,
    ),
    Mutant(
        "what makes tests fast wins over an option of Postgres",
        "test_framework/services/postgres.py",
        'command=("postgres", *_options(_FAST_SETTINGS | dict(launch.options))),',
        'command=("postgres", *_options(dict(launch.options) | _FAST_SETTINGS)),',
        _OPTIONS,
    ),
    Mutant(
        "a quotation mark in a value of Redis ends it",
        _REDIS,
        """.replace('"', r"\\"")""",
        "",
        _OPTIONS,
    ),
    Mutant(
        "the time zone of a shell stays in what is kept for all",
        _DATA,
        "env |= AS_IN_A_CONTAINER | libraries_for(binary, env)",
        "env |= libraries_for(binary, env)",
        _UNIT_DATA,
    ),
    Mutant(
        "initdb fails for a user without a name",
        _DATA,
        "if _NAMELESS in result.stderr and _user_name.supported():",
        "if False:",
        _UNIT_DATA,
    ),
    Mutant(
        "a user without a name hears of a server's fault",
        _DATA,
        "    if _NAMELESS in result.stderr:\n        return",
        "    if False:\n        return",
        _UNIT_DATA,
    ),
    Mutant(
        "the entry of a user without a name is not where it is looked for",
        "test_framework/services/_user_name.py",
        'struct.pack("<i", distance - 7)',
        'struct.pack("<i", distance)',
        ("tests/unit/test_user_name.py",),
    ),
    Mutant(
        "on ARM the entry of a user without a name is not where it is looked for",
        "test_framework/services/_user_name.py",
        "(distance >> 2 & 0x7FFFF) << 5",
        "(distance & 0x7FFFF) << 5",
        ("tests/unit/test_user_name.py",),
    ),
    Mutant(
        "a cache is made in each folder from which tests are run",
        _CACHE,
        "    if not base.is_absolute():\n        base",
        "    if not base.parts:\n        base",
        _FOLDERS,
    ),
    Mutant(
        "a run is told of its temporary cache with each server",
        _CACHE,
        'context.memo.once("temporary cache", lambda: context.progress(told))',
        "context.progress(told)",
        _FOLDERS,
    ),
    Mutant(
        "a user without a home has a traceback",
        _CACHE,
        "    with suppress(KeyError):\n",
        "    if True:\n",
        _FOLDERS,
    ),
    Mutant(
        "each server has a temporary cache of its own",
        "test_framework/supervisor/guard.py",
        "            if what not in self._folders:\n",
        "            if True:\n",
        _FOLDERS,
    ),
    Mutant(
        "an option with a space is several words in redis.conf",
        "test_framework/services/redis.py",
        "map(_quoted, words(value))",
        "words(value)",
        ("tests/unit/test_server_options.py::test_redis_has_them_everywhere",),
    ),
    Mutant(
        "an option that Redis 8 refuses is not named",
        "test_framework/providers/_startup.py",
        r"|^(\d+:\w .*# )?>>>",
        "|^>>>",
        ("tests/system/test_server_settings.py::test_an_option_that_the_server_refuses_is_named",),
        docker=True,
    ),
)
