"""A service of the project's own whose program comes from a wheel, fetched from a package index on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from test_framework import owner
from test_framework.config import load
from test_framework.contracts import Binary, Context, RunAs
from test_framework.memo import Memo
from test_framework.providers._programs import reachable
from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.store import programs
from test_framework.store.installer import Fetching
from test_framework.store.named import named_program
from test_framework.supervisor.guard import Guard
from tests.support.checkout import Checkout
from tests.support.installers import own_store
from tests.support.package_index import Index, Wheel, serving
from tests.support.strangers import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.store.named import NamedProgram
    from tests.support.place import Place

SERVER = f"""\
#!/bin/sh
[ "$1" != --version ] || {{ echo busd 1.2.3; exit; }}
exec {sys.executable} -m http.server "$2" --bind "$1"
"""
BUSD = Wheel(service="busd", version="1.2", inside="scripts", script=SERVER)
WRAPPER = "#!python\nimport server\n"
ENTRY_POINT = ("{stem}.dist-info/entry_points.txt", "[console_scripts]\nbusd = server:main\n")
OTHER = "0" * 64

SEEN = """\
def test_it_is_there(bus):
    assert bus.url.startswith("http://")
"""


def table(wheel: Wheel, *hashes: str, program: str = "busd") -> str:
    """Return the settings of a service whose program is in a wheel."""
    return f"""\
[tool.test_framework.services.bus]
url_format = "http://{{host}}:{{port}}"
ready = "http:/"
command = ["{program}", "{{host}}", "{{port}}"]
version_command = ["{program}", "--version"]
wheel = "{wheel.project}=={wheel.version}.0"
sha256 = {list(hashes or (wheel.sha256,))}
"""


class Named:
    """A project that names a wheel, a store of its own, and the index that fills it."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder = folder
        self.index = index
        self.env = {"PATH": os.environ["PATH"], **own_store(folder, index)}

    def program(self, wheel: Wheel, *hashes: str, program: str = "busd") -> NamedProgram:
        """Write the settings; return the program that they name."""
        self.index.wheels = [wheel]
        (self.folder / "pyproject.toml").write_text(table(wheel, *hashes, program=program), encoding="utf-8")
        found = named_program("bus", load(self.folder, {}))
        assert found is not None
        return found

    def install(self, program: NamedProgram) -> Path:
        """Put it into the store; return the program."""
        return programs.install(program, Fetching(self.env, self.folder, 60, lambda _: None)).path

    def refused(self, program: NamedProgram) -> Refused:
        """Assert that it cannot be installed, and that nothing of the fetch is left; return why."""
        with pytest.raises(Refused) as caught:
            self.install(program)
        assert programs.find(program, self.env) is None
        assert not list((self.folder / "cache/test-framework/servers/.parts").iterdir())
        return caught.value


@pytest.fixture
def index() -> Iterator[Index]:
    """Return an index that has the wheel."""
    with serving(Index([BUSD])) as served:
        yield served


@pytest.fixture
def named(tmp_path: Path, index: Index) -> Named:
    """Return a project without settings."""
    return Named(tmp_path, index)


@pytest.mark.usefixtures("each_installer")
@pytest.mark.parametrize(
    ("wheel", "place"),
    [
        (BUSD, "bin/busd"),
        (replace(BUSD, inside=""), "server/bin/busd"),
        (replace(BUSD, inside="purelib"), "server/bin/busd"),
        (replace(BUSD, inside="", more=(("{stem}.data/scripts/busd", WRAPPER),)), "server/bin/busd"),
        (replace(BUSD, inside="", more=(ENTRY_POINT,)), "server/bin/busd"),
        (replace(BUSD, more=(("a/busd", "a file of its name\n"),)), "bin/busd"),
    ],
    ids=["scripts", "package", "purelib", "behind a script", "behind an entry point", "beside a file"],
)
def test_the_program_is_found_by_its_name(named: Named, wheel: Wheel, place: str) -> None:
    """Wherever the wheel has it, and never a script of Python of that name; what lies beside it is kept."""
    found = named.install(named.program(wheel))
    folder = named.folder / "cache/test-framework/servers/bus/tests-busd-server-1.2.0"
    assert found.relative_to(next(folder.iterdir())).as_posix() == place
    assert subprocess.run([found, "--version"], capture_output=True, check=True).stdout == b"busd 1.2.3\n"
    assert list(folder.glob("*/server/padding"))
    assert named.install(named.program(wheel)) == found
    assert named.index.fetched == [wheel.file]


@pytest.mark.usefixtures("each_installer")
def test_a_hash_for_each_platform(named: Named) -> None:
    """One of them admits the file; a further one, for another platform, does not have it fetched anew."""
    first = named.install(named.program(BUSD))
    assert programs.find(named.program(BUSD, OTHER, BUSD.sha256), named.env)
    found = named.program(BUSD, OTHER)
    assert programs.find(found, named.env) is None
    reason = named.refused(found).reason
    assert (reason.code, reason.broken) == (Code.CHECKSUM_MISMATCH, True)
    assert "sha256 in [tool.test_framework.services.bus]" in reason.message
    assert {BUSD.sha256, OTHER} <= set(re.findall(r"[0-9a-f]{64}", reason.message))
    assert "for each platform" in reason.remedy
    programs.remove(first.parents[1])
    assert named.install(named.program(BUSD, OTHER, BUSD.sha256)) == first


@pytest.mark.usefixtures("each_installer")
def test_a_wheel_that_is_another(named: Named) -> None:
    """Nothing of it is run."""
    ran = named.folder / "ran"
    named.index.changed = replace(BUSD, script=f"#!/bin/sh\ntouch {ran}\n").content
    assert named.refused(named.program(BUSD)).reason.code is Code.CHECKSUM_MISMATCH
    assert not ran.exists()


@pytest.mark.usefixtures("each_installer")
def test_a_wheel_without_the_program(named: Named) -> None:
    """The reason says what it has instead, and where to name that."""
    wheel = replace(BUSD, more=(("{stem}.data/scripts/wrapped", WRAPPER),))
    reason = named.refused(named.program(wheel, program="busctl")).reason
    assert (reason.code, reason.broken) == (Code.BINARY_MISSING, False)
    assert reason.message == "no busctl is in tests-busd-server==1.2.0, which has busd"
    assert "first word of command in [tool.test_framework.services.bus]" in reason.remedy


def test_another_program_of_the_wheel(named: Named) -> None:
    """Who asks for it has it, and not the one that another project has kept."""
    wheel = replace(BUSD, inside="", more=(("server/bin/busctl", SERVER),))
    named.install(named.program(wheel))
    other = named.program(wheel, program="busctl")
    assert programs.find(other, named.env) is None
    assert named.install(other).name == "busctl"


@pytest.mark.needs("root")
def test_a_program_for_who_may_not_enter_the_store(named: Named) -> None:
    """A service that root runs as nobody has a copy of all that the wheel holds, wherever the program lies in it."""
    words = (("server/busctl", '#!/bin/sh\ncat "$(dirname "$0")/words"\n'), ("server/words", "busctl 1.2.3\n"))
    found = named.install(named.program(replace(BUSD, inside="", more=words), program="busctl"))
    assert found.parent.name == "server"
    guard = Guard()
    try:
        context = Context(load(named.folder, {}), named.env, owner.MARK, Memo(), guard, print)
        copied = reachable(Binary(found, "1.2.0", programs.ORIGIN), RunAs(NOBODY, NOBODY), context).path
        told = subprocess.run([copied], capture_output=True, check=True, cwd="/", user=NOBODY, group=NOBODY)
    finally:
        guard.close()
    assert told.stdout == b"busctl 1.2.3\n"


def test_a_program_that_is_gone_is_fetched_anew(named: Named) -> None:
    """As by somebody who has tidied the cache."""
    program = named.program(BUSD)
    named.install(program).unlink()
    assert named.install(program).is_file()


@pytest.mark.parametrize(
    ("script", "told"),
    [("#!/bin/sh\necho no libbus >&2\nexit 127\n", "no libbus"), ("\0\0 no program", "Exec format error")],
    ids=["library", "format"],
)
def test_a_program_that_does_not_run_here(named: Named, script: str, told: str) -> None:
    """It is tried by `version_command`, and not put into the store; another program or provider serves."""
    reason = named.refused(named.program(replace(BUSD, script=script))).reason
    assert reason.code is Code.DOWNLOAD_FAILED
    assert f"does not run here: {told}" in reason.message
    assert "servers install bus " in reason.remedy


@pytest.fixture
def bus(embedded_place: Place, index: Index) -> Checkout:
    """Return a project whose tests need a service with a wheel, in a store of its own."""
    folder = embedded_place.path / "home"
    folder.mkdir()
    made = Checkout(embedded_place, "embedded", ("bus",), env=own_store(folder, index))
    made.write("pyproject.toml", table(BUSD) + "[tool.test_framework.tiers.integration]\nservices = ['bus']\n")
    made.write("tests/integration/test_services.py", SEEN)
    return made


def test_a_run_fetches_its_program(bus: Checkout, index: Index) -> None:
    """Once, where it may; the version is what the program says."""
    for _ in range(2):
        run = bus.start(env={"TEST_FRAMEWORK_DOWNLOAD": "auto"})
        run.passed()
        assert "\nbus 1.2.3 on embedded: 1 test\n" in run.output
    assert index.fetched == [BUSD.file]
    bus.place.is_empty()


def test_a_run_that_may_not_fetch(bus: Checkout, index: Index) -> None:
    """It is skipped with what to type, which then is all that it takes."""
    env = {"TEST_FRAMEWORK_DOWNLOAD": "never"}
    (skip,) = bus.run(env=env).report["skips"]
    assert skip["code"] == "binary-missing"
    assert skip["remedy"].startswith("`test-framework servers install bus` fetches 1.2.0.")
    assert index.fetched == []
    assert bus.command("servers", "install", "bus", env=env).returncode == 0
    bus.start(env=env).passed()
    bus.place.is_empty()


def test_a_program_on_the_path(bus: Checkout, index: Index) -> None:
    """It serves in the place of the wheel's where that is not here, with a note, and no longer where it is."""
    path = bus.write("bin/busd", SERVER.replace("1.2.3", "0.9"))
    path.chmod(0o755)
    env = {"PATH": f"{path.parent}:{os.environ['PATH']}"}
    wanted = "asked for tests-busd-server==1.2.0; "
    run = bus.start(env=env)
    run.passed()
    how = "`test-framework servers install bus` fetches 1.2.0"
    assert f"bus 0.9 ({wanted}{how}) on embedded: 1 test" in " ".join(run.output.split())
    index.answer = 403
    run = bus.start(env=env | {"TEST_FRAMEWORK_DOWNLOAD": "auto"})
    run.passed()
    failed = "download-failed: bus (tests-busd-server==1.2.0) could not be downloaded"
    assert f"bus 0.9 ({wanted}{failed}" in " ".join(run.output.split())
    index.answer = None
    run = bus.start(env=env | {"TEST_FRAMEWORK_DOWNLOAD": "auto"})
    run.passed()
    assert "\nbus 1.2.3 on embedded: 1 test\n" in run.output
    assert bus.json("doctor", env=env)["services"]["bus"]["version"] == "1.2.3"
    bus.place.is_empty()


def test_a_wheel_that_is_another_fails_the_run(bus: Checkout, index: Index) -> None:
    """Also where a program on the PATH could serve: somebody has to look."""
    bus.write("bin/busd", SERVER).chmod(0o755)
    index.changed = replace(BUSD, padding=1).content
    run = bus.run(env={"PATH": f"{bus.root / 'bin'}:{os.environ['PATH']}", "TEST_FRAMEWORK_DOWNLOAD": "auto"})
    assert set(run.outcomes().values()) <= {"failed", "error"}, run.output
    assert run.attempt("bus", "embedded")["code"] == "checksum-mismatch"


def test_the_commands_know_it(bus: Checkout) -> None:
    """`doctor` and `servers` show it, `prune` keeps it for as long as the project names it."""
    told = "bus (tests-busd-server==1.2.0)"
    assert f"{told}: test-framework servers install bus\n" in bus.command("doctor").stdout
    auto = bus.command("doctor", env={"TEST_FRAMEWORK_DOWNLOAD": "auto"}).stdout
    assert f"{told}: a run fetches it\n" in auto
    (before,) = (row for row in bus.json("servers") if row["service"] == "bus")
    assert (before["path"], before["wheel"], before["fetches"]) == (None, "tests-busd-server==1.2.0", None)
    installed = bus.command("servers", "install", "bus")
    assert installed.stdout.startswith(f"{told} is now in "), installed.stderr
    assert bus.command("servers", "install", "bus@1.2").stdout.startswith(f"{told} is already in ")
    (after,) = (row for row in bus.json("servers") if row["service"] == "bus")
    assert after["path"].endswith("bin/busd")
    assert told not in bus.command("doctor").stdout
    assert bus.command("servers", "prune").stdout == "Nothing to remove.\n"
    bus.write("pyproject.toml", table(replace(BUSD, version="1.3")))
    assert "tests-busd-server-1.2.0" in bus.command("servers", "prune").stdout
