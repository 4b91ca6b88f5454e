"""Faults of services of the user's own that depend on others, or are Python packages, and of the one under test."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_CUSTOM, _CONFIG = "test_framework/services/_custom.py", "test_framework/config/custom.py"
_READY, _PACKAGES = "test_framework/services/_ready.py", "test_framework/services/_packages.py"
_E2E = "test_framework/config/e2e.py"
_UNIT = "tests/unit/test_custom_needs.py"
_SYSTEM = "tests/system/test_custom_needs.py"
_BAD = (f"{_UNIT}::test_bad_tables",)
_PLACE = (f"{_UNIT}::test_the_package_is_where_the_program_will_find_it",)

MUTANTS = (
    Mutant(
        "services that need each other wait for ever",
        "test_framework/config/load.py",
        "        check_needs(services, self.custom)\n",
        "",
        (f"{_UNIT}::test_a_circle_of_several",),
    ),
    Mutant(
        "a class makes services need each other",
        "test_framework/services/_factory.py",
        "if tuple(made.needs) != table.needs:",
        "if False:",
        (f"{_UNIT}::test_needs_stand_in_the_table",),
    ),
    Mutant(
        "the URL of a database that is needed stands on a command line",
        _CONFIG,
        '_SECRET_FIELDS = ("password", "url")',
        '_SECRET_FIELDS = ("password",)',
        _BAD,
    ),
    Mutant(
        "a package with dots is imported while it is looked for",
        _CONFIG,
        "not table.package.isidentifier()",
        "False",
        _BAD,
    ),
    Mutant(
        "a version is asked for at a place that is none",
        _CONFIG,
        "not _VERSION_FROM.fullmatch(table.version_from)",
        "False",
        _BAD,
    ),
    Mutant(
        "a container does not hear what the user's environment says",
        _CUSTOM,
        "env=environment | matching(launch.env, table.container_inherit)",
        "env=environment",
        (f"{_UNIT}::test_a_container_is_told_of_its_needs",),
    ),
    Mutant(
        "a program does not hear what the user's environment says",
        _CUSTOM,
        "            | matching(launch.env, table.inherit),\n",
        "            ,\n",
        (f"{_UNIT}::test_a_program_is_told_of_its_needs",),
    ),
    Mutant(
        "a run with another variable shares the server of the one before",
        "test_framework/supervisor/address.py",
        "                told |= matching(env, (*table.inherit, *table.container_inherit))\n",
        "                pass\n",
        (f"{_UNIT}::test_a_variable_that_it_gets_is_another_supervisor_s",),
    ),
    Mutant(
        "a secret that a service gets of the environment is shown",
        "test_framework/config/load.py",
        "*_handed_over(table, env)",
        "",
        (f"{_UNIT}::test_a_secret_that_it_gets_is_known",),
    ),
    Mutant("a server dies because its package is missing", _CUSTOM, "if folder is None:", "if False:", _PLACE),
    Mutant(
        "a folder without code is taken for a package",
        _PACKAGES,
        "    if spec is None or spec.origin is None:\n        return None\n",
        "    if spec is None:\n        return None\n",
        _PLACE,
    ),
    Mutant(
        "a package that has just been written is not found",
        _PACKAGES,
        "    invalidate_caches()\n",
        "",
        _PLACE,
    ),
    Mutant(
        "a warm server outlives an edit of its package",
        _CUSTOM,
        'build += f" {folder} {newest_change(folder)}"',
        'build += f" {folder}"',
        (f"{_UNIT}::test_an_edit_of_the_package_makes_another_program",),
    ),
    Mutant(
        "a test gets a server that has no parts as if it were a part",
        _CUSTOM,
        "        if skip_template:\n            return IsolatedResource(self.name, self.endpoint)\n",
        "        return IsolatedResource(self.name, self.endpoint)\n",
        (f"{_UNIT}::test_a_server_without_parts_is_shared",),
    ),
    Mutant(
        "doctor promises what a need of a need lacks",
        "test_framework/doctor.py",
        "_with_needs(alone[name], there[name], settings, judged)",
        "_with_needs(alone[name], there[name], settings, alone)",
        (f"{_UNIT}::test_doctor_follows_needs_to_their_end",),
    ),
    Mutant(
        "a test goes on, though a server two below its own has died",
        "test_framework/supervisor/managed.py",
        "            if ended := checkout.server.ended():\n                return ended\n",
        "            if reason := (below := checkout.server.server).died():\n                return below, reason\n",
        (f"{_SYSTEM}::test_a_server_two_below_that_dies",),
    ),
    Mutant(
        "a server is stopped under those that depend on it",
        "test_framework/supervisor/resolver.py",
        "for depth in sorted(set(depths.values()), reverse=True):",
        "for depth in sorted(set(depths.values())):",
        ("tests/unit/test_needs.py",),
    ),
    Mutant(
        "anything that answers is the service, without a version",
        _READY,
        "if not isinstance(found, str | int | float) or isinstance(found, bool):",
        "if False:",
        (f"{_SYSTEM}::test_an_answer_without_a_version",),
    ),
    Mutant(
        "a server that is not ready shows a whole page",
        _READY,
        'return f": {told[:_TOLD_CHARACTERS]}"',
        'return f": {told}"',
        (f"{_SYSTEM}::test_one_that_is_not_ready_says_why",),
    ),
    Mutant(
        "health is asked for beside the path of a deployment",
        _READY,
        'if path.startswith("./") else path',
        "if False else path",
        (f"{_SYSTEM}::test_it_tells_its_version",),
    ),
    Mutant(
        "a test whose service is not set has a traceback",
        "test_framework/plugin/fixtures.py",
        "    if not name:\n        pytest.fail(",
        "    if False:\n        pytest.fail(",
        (f"{_UNIT}::test_no_service_is_under_test",),
    ),
    Mutant(
        "a test writes to the system under test in staging",
        "test_framework/plugin/session.py",
        "            self.fixtures[markers.UNDER_TEST] = settings.e2e.service\n",
        "            pass\n",
        (f"{_SYSTEM}::test_only_a_test_that_may_reaches_the_system_under_test_in_staging",),
    ),
    Mutant(
        "tests are for a service that is not there",
        _E2E,
        "if table.service and table.service not in settings.services:",
        "if False:",
        (f"{_UNIT}::test_bad_tables_of_end_to_end_tests",),
    ),
    Mutant(
        "a path that nobody asks for is taken",
        _E2E,
        "        if name not in PATHS:\n            raise BadSetting.unknown",
        "        if False:\n            raise BadSetting.unknown",
        (f"{_UNIT}::test_bad_tables_of_end_to_end_tests",),
    ),
    Mutant(
        "all threads have the same messages",
        _E2E,
        "        if lacks:\n",
        "        if False:\n",
        (f"{_UNIT}::test_bad_tables_of_end_to_end_tests",),
    ),
    Mutant(
        "a person's own secret is replaced in the stack",
        "test_framework/stack/variables.py",
        "if not env.get(name)",
        "if True",
        ("tests/unit/test_stack.py",),
    ),
)
