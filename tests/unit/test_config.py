"""Settings: which layer wins, what is refused, and that the refusal names the value, its source and the choices."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.config import (
    BadSetting,
    Gate,
    MajorMismatch,
    ServiceLevels,
    ServiceSettings,
    Settings,
    TierSettings,
    find_root,
    load,
)
from test_framework.config.model import LayerSettings, ModeSettings
from test_framework.config.modes import LAYERS, MODES
from test_framework.config.tiers import TIERS
from test_framework.config.values import SINGLE, names

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET = "hunter2"
BUS = '[tool.test_framework.services.bus]\nimage = "bus:1"\nport = 1\nurl_format = "bus://{host}:{port}"\n'
HUGE = "9" * 400
"""More than a float can hold."""


def read(
    folder: Path,
    toml: str = "",
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, tuple[object, str]] | None = None,
) -> Settings:
    """Load the settings of a project whose `pyproject.toml` is `toml`, in an environment that is `env` alone."""
    (folder / "pyproject.toml").write_text(toml, encoding="utf-8")
    return load(folder, env or {}, overrides)


def refused(folder: Path, toml: str = "", env: Mapping[str, str] | None = None) -> str:
    """Return the one line with which the settings are refused."""
    with pytest.raises(BadSetting) as caught:
        read(folder, toml, env)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    """A project needs no settings at all."""
    settings = load(tmp_path, {})
    assert settings.providers == ("explicit", "docker", "embedded", "staging")
    assert settings.gate is Gate.AUTO
    assert settings.supervisor
    assert settings.tiers == TIERS
    assert settings.service("postgres") == ServiceSettings()
    assert settings.origin("gate") == "the default"
    assert settings.reports_folder == tmp_path / "reports"


@pytest.mark.parametrize("toml", ["", "[tool.other]\na = 1", "[project]\nname = 'x'"])
def test_a_file_without_our_table_sets_nothing(tmp_path: Path, toml: str) -> None:
    """The tables of other tools are none of our business."""
    assert read(tmp_path, toml) == load(tmp_path / "nowhere", {}).__class__(
        root=tmp_path, services=read(tmp_path).services, tiers=TIERS, layers=LAYERS, modes=MODES, origins={}
    )


def test_the_file_sets_values_of_every_kind(tmp_path: Path) -> None:
    """Lists, truth values, numbers, texts and choices, on each of the three levels."""
    settings = read(
        tmp_path,
        """
        [tool.test_framework]
        providers = ["docker"]
        supervisor = false
        idle_seconds = 12
        reports = "out"
        gate = "strict"
        [tool.test_framework.services.postgres]
        image = "postgres:16"
        major_mismatch = "refuse"
        url_env = ["DATABASE_URL", "PG_URL"]
        [tool.test_framework.tiers.unit]
        network = true
        allowed_skips = ["skipped-by-test"]
        """,
    )
    assert settings.providers == ("docker",)
    assert settings.supervisor is False
    assert settings.idle_seconds == 12.0
    assert settings.reports_folder == tmp_path / "out"
    assert settings.gate is Gate.STRICT
    postgres = settings.service("postgres")
    assert postgres.image == "postgres:16"
    assert postgres.major_mismatch is MajorMismatch.REFUSE
    assert postgres.url_env == ("DATABASE_URL", "PG_URL")
    assert settings.tier("unit").network is True
    assert settings.tier("unit").allowed_skips == ("skipped-by-test",)


@pytest.mark.parametrize(
    ("variable", "value", "key", "expected"),
    [
        ("TEST_FRAMEWORK_PROVIDERS", "docker, embedded,", "providers", ("docker", "embedded")),
        ("TEST_FRAMEWORK_SUPERVISOR", "0", "supervisor", False),
        ("TEST_FRAMEWORK_SUPERVISOR", "Yes", "supervisor", True),
        ("TEST_FRAMEWORK_IDLE_SECONDS", "1.5", "idle_seconds", 1.5),
        ("TEST_FRAMEWORK_GATE", "lenient", "gate", Gate.LENIENT),
        ("TEST_FRAMEWORK_REPORTS", "/tmp/out", "reports", "/tmp/out"),  # noqa: S108  # nothing is written there
        ("TEST_FRAMEWORK_ALLOWED_HOSTS", "a.example,*.b.example", "allowed_hosts", ("a.example", "*.b.example")),
    ],
)
def test_the_environment_sets_every_kind(tmp_path: Path, variable: str, value: str, key: str, expected: object) -> None:
    """What is a list in the file is a text with commas, and truth values have their usual words."""
    settings = read(tmp_path, env={variable: value})
    assert getattr(settings, key) == expected
    assert settings.origin(key) == variable


def test_the_environment_sets_a_service(tmp_path: Path) -> None:
    """`TEST_FRAMEWORK_NAME_KEY` reaches the table of that service and of no other."""
    env = {"TEST_FRAMEWORK_POSTGRES_IMAGE": "postgres:16", "TEST_FRAMEWORK_REDIS_VERSION": "7"}
    settings = read(tmp_path, env=env)
    assert (settings.service("postgres").image, settings.service("postgres").version) == ("postgres:16", "")
    assert (settings.service("redis").image, settings.service("redis").version) == ("", "7")
    assert settings.origin("services.postgres.image") == "TEST_FRAMEWORK_POSTGRES_IMAGE"


def test_a_later_layer_wins_key_by_key(tmp_path: Path) -> None:
    """Command line over environment over file, and what a layer does not name stays."""
    toml = """
        [tool.test_framework]
        disabled = ["docker"]
        reports = "file"
        start_seconds = 1
        """
    env = {"TEST_FRAMEWORK_REPORTS": "environment", "TEST_FRAMEWORK_START_SECONDS": "2"}
    settings = read(tmp_path, toml, env, {"start_seconds": (3.0, "--start")})
    assert (settings.disabled, settings.reports, settings.start_seconds) == (("docker",), "environment", 3.0)
    assert settings.origin("disabled") == "pyproject.toml [tool.test_framework]"
    assert settings.origin("reports") == "TEST_FRAMEWORK_REPORTS"
    assert settings.origin("start_seconds") == "--start"


def test_the_command_line_adds_to_what_is_switched_off(tmp_path: Path) -> None:
    """`--no-docker` does not switch on again what the environment has switched off."""
    env = {"TEST_FRAMEWORK_DISABLED": "embedded"}
    settings = read(tmp_path, "", env, {"disabled": (["docker"], "--no-docker")})
    assert set(settings.disabled) == {"docker", "embedded"}
    assert settings.origin("disabled") == "--no-docker and TEST_FRAMEWORK_DISABLED"
    assert read(tmp_path, "", {}, {"disabled": (["docker"], "--no-docker")}).origin("disabled") == "--no-docker"


def test_an_empty_variable_sets_nothing(tmp_path: Path) -> None:
    """CI systems export variables that nobody has filled in."""
    settings = read(tmp_path, env={"TEST_FRAMEWORK_GATE": "", "TEST_FRAMEWORK_PROVIDERS": ""})
    assert settings.gate is Gate.AUTO
    assert settings.origin("providers") == "the default"


def test_the_process_environment_is_read_only_where_none_is_given(tmp_path: Path, bare_env: pytest.MonkeyPatch) -> None:
    """The supervisor reads the settings of a client with that client's environment, not with its own."""
    bare_env.setenv("TEST_FRAMEWORK_REPORTS", "mine")
    assert load(tmp_path).reports == "mine"
    assert load(tmp_path, {}).reports == "reports"


def test_a_template_may_be_one_text(tmp_path: Path) -> None:
    """A single callable or file needs no list."""
    table = "[tool.test_framework.services.postgres]\ntemplate = "
    assert read(tmp_path, f"{table}'app.db:migrate'").service("postgres").template == ("app.db:migrate",)
    assert read(tmp_path, f"{table}['a.sql', 'b.sql']").service("postgres").template == ("a.sql", "b.sql")


@pytest.mark.parametrize(
    ("toml", "env", "told"),
    [
        ("[tool.test_framework]\ngate = strict\n", {}, ["pyproject.toml cannot be read", "line 2"]),
        pytest.param(f"x = {'[' * 3000}", {}, ["pyproject.toml cannot be read", "recursion"], id="nested"),
        pytest.param(f"x = {'9' * 5000}", {}, ["pyproject.toml cannot be read", "4300 digits"], id="digits"),
        (
            "[tool.test-framework]\ngate = 'strict'",
            {},
            ["[tool.test-framework] in pyproject.toml", "[tool.test_framework]?"],
        ),
        ("[tool.pytest-tiers.tiers.unit]", {}, ["[tool.pytest-tiers] in pyproject.toml", "[tool.test_framework]?"]),
        ("[tool.test_framework]\ngtae = 'strict'", {}, ["key 'gtae'", "[tool.test_framework]", "mean 'gate'", "idle"]),
        ("[tool.test_framework]\nroot = '.'", {}, ["key 'root'", "[tool.test_framework]", "Choices: "]),
        (
            "[tool.test_framework.services.postgres]\nimgae = ''",
            {},
            ["key 'imgae'", "[tool.test_framework.services.postgres]", "mean 'image'", "url_env"],
        ),
        (
            "[tool.test_framework.services.redis]\ntemplate = ['a.sql']",
            {},
            ["key 'template'", "[tool.test_framework.services.redis]", "image, isolation, major"],
        ),
        (
            "[tool.test_framework.services.postgres]\nisolation = 'prefix'",
            {},
            ["key 'isolation'", "[tool.test_framework.services.postgres]", "providers, template, url"],
        ),
        ("", {"TEST_FRAMEWORK_REDIS_TEMPLATE": "a.sql"}, ["'TEST_FRAMEWORK_REDIS_TEMPLATE'", "POSTGRES_TEMPLATE"]),
        (
            "",
            {"TEST_FRAMEWORK_MY_BACKEND_URL": "http://h"},
            [
                "'TEST_FRAMEWORK_MY_BACKEND_URL'",
                "A service my_backend of your own needs [tool.test_framework.services.my",
            ],
        ),
        (
            "",
            {"TEST_FRAMEWORK_BUS_CONTAINER_URL": "http://h"},
            ["A service bus of your own needs [tool.test_framework.services.bus] in pyproject.toml. Choices: "],
        ),
        (
            "",
            {"TEST_FRAMEWORK_CLICKHOUSE_ISOLATION": "x"},
            ["'TEST_FRAMEWORK_CLICKHOUSE_ISOLATION'", "REDIS_ISOLATION"],
        ),
        (
            "[tool.test_framework.tiers.unit]\nnetwrok = true",
            {},
            ["key 'netwrok'", "[tool.test_framework.tiers.unit]", "mean 'network'", "paths"],
        ),
        (
            "[tool.test_framework.services.postgers]\nimage = ''",
            {},
            ["service 'postgers'", "services.postgers]", "mean 'postgres'", "image"],
        ),
        (
            "[tool.test_framework]\nproviders = ['dokcer']",
            {},
            ["provider 'dokcer'", "providers", "[tool.test_framework]", "mean 'docker'", "embedded, explicit"],
        ),
        (
            "[tool.test_framework.tiers.unit]\nservices = ['mysql']",
            {},
            ["service 'mysql'", "tiers.unit]", "postgres, redis"],
        ),
        (
            "[tool.test_framework]\nallowed_skips = ['socket_missing']",
            {},
            ["code 'socket_missing'", "allowed_skips", "mean 'socket-missing'", "login-failed"],
        ),
        ("[tool.test_framework]\ngate = 'hard'", {}, ["gate = 'hard'", "auto, lenient, strict"]),
        ('[tool.test_framework]\nreports = "a\\u0000b"', {}, ["reports = 'a\\x00b'", "]", "be free of null bytes"]),
        ('[tool.test_framework.tiers.unit]\npaths = ["a\\u0000"]', {}, ["paths = ['a\\x00']", "null bytes"]),
        ('[tool.test_framework.expect]\n"a\\u0000" = ""', {}, ["expect = {'a\\x00': ''}", "null bytes"]),
        ("[tool.test_framework]\ngate = true", {}, ["gate = True", "[tool.test_framework]", "a string"]),
        ("[tool.test_framework]\nsupervisor = 'no'", {}, ["supervisor = 'no'", "true or false"]),
        ("[tool.test_framework]\nidle_seconds = '5'", {}, ["idle_seconds = '5'", "a number of seconds"]),
        ("[tool.test_framework]\nidle_seconds = true", {}, ["idle_seconds = True", "a number of seconds"]),
        ("[tool.test_framework]\nidle_seconds = -1", {}, ["idle_seconds = -1", "from 0 to"]),
        ("[tool.test_framework]\nidle_seconds = inf", {}, ["idle_seconds = inf", "a number of seconds"]),
        ("[tool.test_framework]\nidle_seconds = nan", {}, ["idle_seconds = nan", "a number of seconds"]),
        (f"[tool.test_framework]\nidle_seconds = {HUGE}", {}, [f"idle_seconds = {HUGE}", "from 0 to 2147483"]),
        ("[tool.test_framework]\ncollection_timeout = 1e10", {}, ["= 10000000000.0", "from 0 to 2147483"]),
        ("", {"TEST_FRAMEWORK_START_SECONDS": "1e12"}, ["start_seconds = '1e12'", "from 0 to 2147483"]),
        (f"[tool.test_framework.health]\nfiles_factor = {HUGE}", {}, [f"files_factor = {HUGE}", f"to {2**53}"]),
        (
            f"[tool.test_framework.health]\nmax_new_broken = {HUGE}",
            {},
            [f"max_new_broken = {HUGE}", f"to {2**53}"],
        ),
        ("[tool.test_framework]\nproviders = 'docker'", {}, ["providers = 'docker'", "a list of strings"]),
        ("[tool.test_framework]\nproviders = [1]", {}, ["providers = [1]", "a list of strings"]),
        ("[tool]\ntest_framework = 3", {}, ["tool.test_framework = 3", "pyproject.toml", "a table"]),
        ("[tool.test_framework]\nservices = 3", {}, ["services = 3", "[tool.test_framework]", "a table of tables"]),
        ("[tool.test_framework]\ntiers = ['unit']", {}, ["tiers = ['unit']", "a table of tables"]),
        ("[tool.test_framework.tiers]\nunit = 3", {}, ["unit = 3", "a table"]),
        ("", {"TEST_FRAMEWORK_GTAE": "strict"}, ["variable 'TEST_FRAMEWORK_GTAE'", "mean 'TEST_FRAMEWORK_GATE'"]),
        ("", {"TEST_FRAMEWORK_POSTGRES_IMGAE": "x"}, ["mean 'TEST_FRAMEWORK_POSTGRES_IMAGE'", "the environment"]),
        ("", {"TEST_FRAMEWORK_SUPERVISOR": "off?"}, ["supervisor = 'off?'", "TEST_FRAMEWORK_SUPERVISOR", "yes"]),
        ("", {"TEST_FRAMEWORK_IDLE_SECONDS": "soon"}, ["idle_seconds = 'soon'", "TEST_FRAMEWORK_IDLE_SECONDS"]),
        ("[tool.test_framework]\nlevels = 3", {}, ["levels = 3", "a table"]),
        ("[tool.test_framework.services]\nredis = 'hunter22'", {}, ["redis = '***'", "a table"]),
        (f"{BUS}container_environment = 'hunter22'", {}, ["container_environment = '***'", "table"]),
        ("[tool.test_framework.levels]\nconnect = 3", {}, ["'connect'", "levels]", "connect_seconds"]),
        ("[tool.test_framework.levels]\nconcurrent_users = 0", {}, ["concurrent_users = 0", "from 1 to"]),
        ("[tool.test_framework.levels]\nconcurrent_users = 1.5", {}, ["concurrent_users = 1.5", "a whole number"]),
        ("", {"TEST_FRAMEWORK_LEVELS_CONCURRENT_USERS": "all"}, ["concurrent_users = 'all'", "_CONCURRENT_USERS"]),
        (
            "[tool.test_framework.levels]\ngrowth_mb_per_session = -1",
            {},
            ["growth_mb_per_session = -1", "a number from"],
        ),
        ("[tool.test_framework.expect]\nissuer = 3", {}, ["expect = {'issuer': 3}", "a table of strings"]),
        ("", {"TEST_FRAMEWORK_EXPECT": "issuer"}, ["expect = 'issuer'", "KEY=VALUE"]),
        (
            "",
            {"TEST_FRAMEWORK_EXPECT": "A=1,B=x,y"},
            ["expect = 'A=1,B=x,y'", "contain a comma in pyproject.toml"],
        ),
        ("", {"TEST_FRAMEWORK_EXPECT": "A=1, junk, B=2"}, ["expect = 'A=1, junk, B=2'", "KEY=VALUE"]),
        ("", {"TEST_FRAMEWORK_EXPECT": "A=1, =2"}, ["expect = 'A=1, =2'", "KEY=VALUE"]),
        ("", {"TEST_FRAMEWORK_PROVIDERS": "docker,x"}, ["provider 'x'", "TEST_FRAMEWORK_PROVIDERS", "embedded"]),
        ("", {"TEST_FRAMEWORK_GATE": "STRICT"}, ["gate = 'STRICT'", "TEST_FRAMEWORK_GATE", "strict"]),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, toml: str, env: dict[str, str], told: list[str]) -> None:
    """The one line names the value, where it came from, and the choices, with the nearest one."""
    text = refused(tmp_path, toml, env)
    for part in told:
        assert part in text


@pytest.mark.parametrize(
    "toml",
    [
        f"[tool.test_framework.services.postgres]\nurl = ['postgresql://app:{SECRET}@h/db']",
        f'[tool.test_framework.services.postgres]\nurl = "postgresql://app:{SECRET}\\u0000@h/db"',
        f"[tool.test_framework.services]\npostgres = 'postgresql://app:{SECRET}@h/db'",
    ],
)
def test_a_refused_url_is_not_printed(tmp_path: Path, toml: str) -> None:
    """A URL that stands where it cannot be used keeps its password out of the error."""
    assert SECRET not in refused(tmp_path, toml)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 end in one line, not in a traceback."""
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadSetting, match=r"pyproject\.toml cannot be read"):
        load(tmp_path, {})


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    """Only our own prefix is checked."""
    assert read(tmp_path, env={"TEST_FRAMEWORKS": "x", "MY_TEST_FRAMEWORK_GATE": "x"}).gate is Gate.AUTO


@pytest.mark.parametrize(("ci", "idle"), [("true", 0.0), ("1", 0.0), ("", 300.0), ("false", 300.0), ("0", 300.0)])
def test_under_ci_servers_end_at_once(tmp_path: Path, ci: str, idle: float) -> None:
    """`CI` sets the idle time to 0, with the same reading of the variable as the gate's."""
    assert read(tmp_path, env={"CI": ci}).idle_seconds == idle


@pytest.mark.parametrize(
    ("toml", "env"),
    [("[tool.test_framework]\nidle_seconds = 7", {}), ("", {"TEST_FRAMEWORK_IDLE_SECONDS": "7"})],
)
def test_an_idle_time_that_is_set_holds_under_ci(tmp_path: Path, toml: str, env: dict[str, str]) -> None:
    """What a person has set wins over what `CI` implies."""
    assert read(tmp_path, toml, {**env, "CI": "true"}).idle_seconds == 7.0


def test_a_tier_keeps_what_its_table_does_not_name(tmp_path: Path) -> None:
    """One key of a known tier changes that key only, and a new tier begins with the defaults."""
    toml = """
        [tool.test_framework.tiers.unit]
        network = true
        [tool.test_framework.tiers.contract]
        paths = ["tests/contract"]
        """
    settings = read(tmp_path, toml)
    assert settings.tier("unit") == TierSettings(paths=("tests/unit",), network=True)
    assert settings.tier("contract") == TierSettings(paths=("tests/contract",))
    assert settings.tier("smoke") == TIERS["smoke"]


def test_a_tier_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The error names the tiers there are."""
    with pytest.raises(BadSetting, match=r"unknown tier 'unti'.*mean 'unit'.*smoke"):
        read(tmp_path).tier("unti")


FILE = "pyproject.toml [tool.test_framework"
GENERAL = "[tool.test_framework]\nproviders = ['docker']\n"
OF_TIER = "[tool.test_framework.tiers.smoke]\nproviders = ['embedded']\n"
OF_SERVICE = "[tool.test_framework.services.redis]\nproviders = ['staging']\n"
OPTION = {"providers": (["docker", "staging"], "--providers")}


@pytest.mark.parametrize(
    ("toml", "env", "overrides", "order", "source"),
    [
        ("", {}, {}, ("explicit", "docker", "embedded", "staging"), "the default"),
        (GENERAL, {}, {}, ("docker",), f"{FILE}]"),
        (GENERAL + OF_TIER, {}, {}, ("embedded",), f"{FILE}.tiers.smoke]"),
        (GENERAL + OF_TIER + OF_SERVICE, {}, {}, ("staging",), f"{FILE}.services.redis]"),
        (OF_SERVICE, {"TEST_FRAMEWORK_PROVIDERS": "docker"}, {}, ("docker",), "TEST_FRAMEWORK_PROVIDERS"),
        (
            GENERAL,
            {"TEST_FRAMEWORK_PROVIDERS": "docker", "TEST_FRAMEWORK_REDIS_PROVIDERS": "embedded"},
            {},
            ("embedded",),
            "TEST_FRAMEWORK_REDIS_PROVIDERS",
        ),
        (OF_SERVICE, {"TEST_FRAMEWORK_REDIS_PROVIDERS": "embedded"}, OPTION, ("docker", "staging"), "--providers"),
    ],
)
def test_the_order_of_providers(  # noqa: PLR0913, PLR0917  # one table of cases
    tmp_path: Path,
    toml: str,
    env: dict[str, str],
    overrides: dict[str, tuple[object, str]],
    order: tuple[str, ...],
    source: str,
) -> None:
    """The nearest source wins, and within one source the service's order, then the tier's, then the general one."""
    assert read(tmp_path, toml, env, overrides).order("redis", "smoke") == (order, source)


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("modes.odd.layers = ['deep']", "unknown layer 'deep' in layers, pyproject.toml"),
        ("layers.odd.tiers = ['unti']", "unknown tier 'unti' in tiers, pyproject.toml"),
    ],
)
def test_a_mode_of_layers_and_tiers_that_are_not_there(tmp_path: Path, toml: str, told: str) -> None:
    """The error names it, and where it was asked for."""
    with pytest.raises(BadSetting, match=told):
        read(tmp_path, f"[tool.test_framework]\n{toml}\n")


def test_the_order_without_a_tier_is_not_that_of_one(tmp_path: Path) -> None:
    """A tier's order is for its own run."""
    settings = read(tmp_path, GENERAL + OF_TIER)
    assert settings.order("redis")[0] == ("docker",)
    assert settings.order("postgres", "smoke")[0] == ("embedded",)


def test_the_tier_built_for_staging_uses_nothing_else(tmp_path: Path) -> None:
    """A general order in the file does not send the tests of staging to Docker."""
    assert read(tmp_path, GENERAL).order("redis", "e2e-staging")[0] == ("staging",)


def test_the_root_is_the_nearest_folder_with_our_table(tmp_path: Path) -> None:
    """A `pyproject.toml` in between, of a package of the repository, is passed over."""
    inner = tmp_path / "packages" / "one"
    deep = inner / "tests"
    deep.mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[project]\nname = 'one'\n")
    (tmp_path / "pyproject.toml").write_text("[tool.test_framework.tiers.unit]\nnetwork = true\n")
    assert find_root(deep) == tmp_path.resolve()
    (inner / "pyproject.toml").write_text("[tool.test_framework]\n")
    assert find_root(deep) == inner.resolve()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="/proc is Linux's")
def test_a_file_on_the_way_to_the_root_that_cannot_be_read(tmp_path: Path) -> None:
    """It may have our table: one line names it."""
    (tmp_path / "pyproject.toml").symlink_to("/proc/self/mem")  # nobody can read it, whatever his rights
    (tmp_path / "tests").mkdir()
    with pytest.raises(BadSetting, match=rf"^{tmp_path}/pyproject\.toml cannot be read: Input/output error\.$"):
        find_root(tmp_path / "tests")


def test_the_nearest_of_many_choices_are_shown(tmp_path: Path) -> None:
    """Nobody reads a hundred names; how many there are besides is said."""
    with pytest.raises(BadSetting, match=r"Did you mean 'TEST_FRAMEWORK_GATE'\?.* and \d\d more\.$") as told:
        load(tmp_path, {"TEST_FRAMEWORK_GATEE": "strict"})
    assert str(told.value).count("TEST_FRAMEWORK_") < 20


def test_a_text_of_the_command_line(tmp_path: Path) -> None:
    """It is read as that of a variable."""
    assert read(tmp_path, overrides={"collection_timeout": ("0.5", "--collection-timeout")}).collection_timeout == 0.5
    with pytest.raises(BadSetting, match="collection_timeout = 'soon' in --collection-timeout must be a number of sec"):
        read(tmp_path, overrides={"collection_timeout": ("soon", "--collection-timeout")})


def test_the_root_is_else_the_nearest_project(tmp_path: Path) -> None:
    """Without our table anywhere the nearest `pyproject.toml` marks it, and without one the start itself."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_root(deep) == deep.resolve()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\n")
    assert find_root(deep) == (tmp_path / "a").resolve()


def test_choices_are_the_modules_that_are_there() -> None:
    """A new file in `providers` or `services` is a new choice; private modules and caches are none."""
    assert names("providers") == ("docker", "embedded", "explicit", "staging")
    assert {"postgres", "redis"} <= set(names("services"))
    assert not [name for name in names("services") if name.startswith("_")]


_NOT_SET_BY_A_KEY = {"root", "services", "tiers", "layers", "modes", "origins"}


@pytest.mark.parametrize(
    "model", [Settings, ServiceSettings, TierSettings, LayerSettings, ModeSettings, *SINGLE.values()]
)
def test_every_setting_says_what_it_means(model: type) -> None:
    """The reference of the documentation is made of these."""
    for field in fields(model):
        assert field.metadata.keys() & {"meaning", "single"} or field.name in _NOT_SET_BY_A_KEY


def test_levels_come_from_every_layer(tmp_path: Path) -> None:
    """The file, then the environment, then the command line; what nobody sets keeps its default."""
    toml = "[tool.test_framework.levels]\nconnect_seconds = 1\nfirst_event_seconds = 1\nconcurrent_users = 20"
    env = {"TEST_FRAMEWORK_LEVELS_FIRST_EVENT_SECONDS": "3.5", "TEST_FRAMEWORK_LEVELS_CONCURRENT_USERS": "30"}
    settings = read(tmp_path, toml, env, {"levels.concurrent_users": (40, "--concurrent-users")})
    wanted = ServiceLevels(connect_seconds=1.0, first_event_seconds=3.5, concurrent_users=40)
    assert settings.levels == wanted
    assert settings.origin("levels.concurrent_users") == "--concurrent-users"
    assert settings.origin("levels.first_event_seconds") == "TEST_FRAMEWORK_LEVELS_FIRST_EVENT_SECONDS"
    assert settings.origin("levels.connect_seconds") == "pyproject.toml [tool.test_framework.levels]"


@pytest.mark.parametrize(
    ("toml", "env"),
    [
        ('[tool.test_framework]\nexpect = {"settings.issuer" = "us", "schema.current" = "0001"}', {}),
        ('[tool.test_framework.expect]\n"settings.issuer" = "us"\n"schema.current" = "0001"', {}),
        ("", {"TEST_FRAMEWORK_EXPECT": "settings.issuer=us, schema.current=0001"}),
        ("", {"TEST_FRAMEWORK_EXPECT": " settings.issuer=us,schema.current=0001, "}),
    ],
)
def test_what_staging_must_say(tmp_path: Path, toml: str, env: dict[str, str]) -> None:
    """It is a table of strings, whichever way it is written."""
    assert read(tmp_path, toml, env).expect == {"settings.issuer": "us", "schema.current": "0001"}


def test_settings_are_frozen(tmp_path: Path) -> None:
    """Nobody changes them under somebody else."""
    with pytest.raises(FrozenInstanceError):
        load(tmp_path, {}).gate = Gate.STRICT  # type: ignore[misc]  # what is tested


@pytest.mark.parametrize("name", ["unit/../../x", "..", "a" * 101])
def test_a_name_of_a_tier_that_leads_out_of_the_report_folder_is_refused(tmp_path: Path, name: str) -> None:
    """Files are named after it."""
    with pytest.raises(BadSetting, match="must be letters, digits"):
        read(tmp_path, f'[tool.test_framework.tiers."{name}"]\npaths = ["tests"]\n')
