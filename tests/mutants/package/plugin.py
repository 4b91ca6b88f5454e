"""Faults of the plugin: a test runs where it must not, or the summary says what is not so."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "what only looks may not look at staging",
        "plugin/markers",
        '("staging_safe", "connectivity_check")',
        '("staging_safe",)',
        "tests/unit/test_markers.py",
    ),
    _mutant(
        "a test without a marker may run against staging",
        "plugin/markers",
        "return any(marker.name in _SAFE",
        "return all(marker.name in _SAFE",
        "tests/unit/test_markers.py",
    ),
    _mutant(
        "all services of a tier are none",
        "plugin/markers",
        'tier_services if marker.name == "real_services"',
        '() if marker.name == "real_services"',
        "tests/unit/test_markers.py",
    ),
    _mutant(
        "a marker that names nothing is taken",
        "plugin/markers",
        'if marker.kwargs or (marker.name == "requires" and not marker.args):',
        "if marker.kwargs:",
        "tests/unit/test_markers.py",
    ),
    _mutant(
        "a misspelt service in a marker is taken",
        "plugin/markers",
        "            if name not in known:",
        "            if not known:",
        "tests/unit/test_markers.py",
    ),
    _mutant(
        "a test for Docker runs on anything",
        "plugin/markers",
        '{"docker_required": "docker", "staging": "staging"}',
        '{"staging": "staging"}',
        "tests/unit/test_markers.py",
    ),
    _mutant(
        "a fixture of the project's own starts a service",
        "plugin/markers",
        "        if name not in definition.argnames:\n            return False\n",
        "",
        "tests/unit/test_plugin.py::test_a_fixture_of_the_projects_own",
    ),
    _mutant(
        "Docker is used though it is switched off",
        "plugin/conditions",
        "    if wanted in settings.disabled:",
        "    if wanted in ():",
        "tests/unit/test_plugin.py::test_a_condition_is_not_met_by_what_is_switched_off",
    ),
    _mutant(
        "credentials are taken for there that are not",
        "plugin/conditions",
        "if named and Path(named).is_file():",
        "if named:",
        "tests/unit/test_plugin.py::test_a_google_credentials_file_is_looked_for",
    ),
    _mutant(
        "staging is used in spite of --environment=local",
        "plugin/options",
        '*(["staging"] if local else [])',
        "*([] if local else [])",
        "tests/unit/test_plugin.py::test_options_choose_the_providers",
    ),
    _mutant(
        "a run that uses nothing has a summary",
        "plugin/summary",
        "if not (record.services or",
        "if not (record or",
        "tests/unit/test_plugin.py::test_a_run_that_uses_nothing_says_nothing",
    ),
    _mutant(
        "a fixture is blamed for those that it asks for",
        "plugin/fixture_times",
        "own, self._inner = took - self._inner, outer + took",
        "own, self._inner = took, outer + took",
        "tests/unit/test_report_plugin.py::test_fixtures_are_timed_by_themselves",
    ),
    _mutant(
        "fixtures that take no time are told",
        "plugin/fixture_times",
        "if entry[2] >= _LEAST_SECONDS and",
        "if",
        "tests/unit/test_report_plugin.py::test_fixtures_are_timed_by_themselves",
    ),
    _mutant(
        "workers' fixtures are not told",
        "plugin/fixture_times",
        "            session.config.workeroutput[OUTPUT] = self.to_json()",
        "            pass",
        "tests/unit/test_report_plugin.py::test_fixtures_are_timed_by_themselves",
    ),
    _mutant(
        "a test reaches the network by connect_ex",
        "plugin/network",
        '("connect", "connect_ex", "sendto")',
        '("connect", "sendto")',
        "tests/unit/test_network.py",
    ),
    _mutant(
        "a test reaches the network by sendto",
        "plugin/network",
        '("connect", "connect_ex", "sendto")',
        '("connect", "connect_ex")',
        "tests/unit/test_network.py",
    ),
    _mutant(
        "a test reaches the network by IPv6",
        "plugin/network",
        "(socket.AF_INET, socket.AF_INET6)",
        "(socket.AF_INET,)",
        "tests/unit/test_network.py",
    ),
    _mutant(
        "a test reaches a database by an asynchronous connection",
        "plugin/network",
        '    ("psycopg", "AsyncConnection.connect"),\n',
        "",
        "tests/unit/test_network.py",
    ),
    _mutant(
        "a driver that is imported in a test connects",
        "plugin/network",
        "                self._imported(fullname)",
        "                pass",
        "tests/unit/test_network.py",
    ),
    _mutant(
        "a driver that is imported in a block within another is looked for without end",
        "plugin/network",
        "others = sys.meta_path[sys.meta_path.index(self) + 1 :]",
        "others = [finder for finder in sys.meta_path if finder is not self]",
        "tests/unit/test_network.py::test_a_driver_that_is_imported_meanwhile",
    ),
    _mutant(
        "the network stays shut after a test",
        "plugin/network",
        "        for undo in reversed(restore):\n            undo()",
        "        for undo in restore[:1]:\n            undo()",
        "tests/unit/test_network.py",
    ),
    _mutant(
        "a socket that was refused stays open",
        "plugin/network",
        "            self.close()\n            refuse",
        "            refuse",
        "tests/unit/test_network.py::test_a_socket_that_was_refused_is_closed",
    ),
    _mutant(
        "shard 0 of 4 is one",
        "plugin/shards",
        "if not 1 <= index <= count:",
        "if not 0 <= index <= count:",
        "tests/unit/test_shards.py",
    ),
    _mutant(
        "GitLab's first job runs the second part",
        "plugin/shards",
        "_numbered(_GITLAB, index, count, first=1)",
        "_numbered(_GITLAB, index, count, first=0)",
        "tests/unit/test_shards.py",
    ),
    _mutant(
        "CircleCI's first job runs no part",
        "plugin/shards",
        "_numbered(names, index, count, first=0)",
        "_numbered(names, index, count, first=1)",
        "tests/unit/test_shards.py",
    ),
    _mutant(
        "each job of a matrix runs a part",
        "plugin/shards",
        ' and env.get("CI_JOB_NAME", "").endswith(f" {index}/{count}"):',
        ":",
        "tests/unit/test_shards.py",
    ),
    _mutant(
        "what a test starts runs a part as well",
        "plugin/shards",
        "        os.environ[_VARIABLE] = OFF\n",
        "",
        "tests/unit/test_shards.py::test_what_a_test_starts_runs_whole",
    ),
    _mutant(
        "two say which part it is, and one is ignored",
        "plugin/shards",
        "        if config.option.shard:\n            raise",
        "        if not config.option.shard:\n            raise",
        "tests/unit/test_shards.py::test_two_ways_at_once_are_refused",
    ),
    _mutant(
        "tests of one module are cut apart that share a fixture",
        "plugin/split",
        'if "module" in scopes[item] or ("class"',
        'if False or ("class"',
        "tests/unit/test_split.py::test_tests_that_share_a_fixture_stay_together",
    ),
    _mutant(
        "a class goes without its module's fixture",
        "plugin/split",
        '("class" in scopes[item] and of_class in of_module)',
        "False",
        "tests/unit/test_split.py::test_tests_that_share_a_fixture_stay_together",
    ),
    _mutant(
        "a test without a duration takes no time",
        "plugin/split",
        "durations.get(i.nodeid, average)",
        "durations.get(i.nodeid, 0.0)",
        "tests/unit/test_split.py::test_the_cut_comes_after_every_other_choice",
    ),
    _mutant(
        "each shard runs the tests of the next",
        "plugin/split",
        "cut[self.shard.index - 1]",
        "cut[self.shard.index % len(cut)]",
        "tests/unit/test_split.py::test_the_parts_take_about_the_same_time",
    ),
)
