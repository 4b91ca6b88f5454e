"""Two Postgres servers in a network of their own: one on the loopback, one at an address of another machine.

Names lead where a file of hosts says that is mounted there over the system's. Nothing outside is reached or changed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from test_framework.services.postgres import SERVICE
from tests.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAR", "NEEDED", "FarPostgres"]

FAR = "10.99.0.1"
"""The address that is not of the loopback network."""

_PORT = 5432
_START_SECONDS = 60.0
NEEDED = ("root", "ip", "nsenter", "setpriv", "unshare", "psql")

_HOSTS = f"""\
127.0.0.1 localhost
{FAR} foo.localhost
127.0.0.1 both.localhost
{FAR} both.localhost
127.0.0.1 near.localhost
127.0.0.1 near.example
{FAR} far.example
"""

_BOOT = """\
set -e
mount --make-rprivate /
mount --bind {folder}/hosts /etc/hosts
mount -t tmpfs tmpfs /run
mkdir -m 777 /run/postgresql
ip link set lo up
ip address add {far}/32 dev lo
touch {folder}/up
exec sleep infinity
"""


class FarPostgres:
    """The network with both servers, each of which lets everybody in and has a role and a database `app`.

    Attributes:
        prefix: A command that runs the command that follows it there, in the root folder.
        home: A home folder with service files that name the far server `prod`.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tf-", dir="/tmp"))  # TMPDIR may be too long
        self.folder.chmod(0o755)
        self.home = self.folder / "home"
        self.home.mkdir()
        (self.folder / "hosts").write_text(_HOSTS)
        service = f"[prod]\nhost={FAR}\nport={_PORT}\nuser=app\ndbname=app\n"
        for name in (".pg_service.conf", "other.conf"):
            (self.home / name).write_text(service)
        (self.home / "passfile").write_text("*:*:*:*:wrong\n")
        (self.home / "passfile").chmod(0o600)
        self._started: list[subprocess.Popen[bytes]] = []
        self.prefix: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        """Start it all."""
        try:
            self._boot()
            for name, address in (("near", "127.0.0.1"), ("far", FAR)):
                self._serve(name, address)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it all."""
        self.close()

    def at(self, folder: Path) -> tuple[str, ...]:
        """Return a command that runs the command that follows it there, in this folder."""
        return (*self.prefix, "env", f"--chdir={folder}")

    def made(self) -> list[str]:
        """Return the lines of the far server's log that tell of a database being made."""
        text = (self.folder / "far.log").read_text(errors="replace")
        return [line for line in text.splitlines() if "CREATE DATABASE" in line]

    def heard(self) -> list[str]:
        """Return the lines of the far server's log that tell of a connection."""
        text = (self.folder / "far.log").read_text(errors="replace")
        return [line for line in text.splitlines() if "connection received" in line]

    def reaches(self) -> None:
        """Show that the far server answers there, and that it is noticed."""
        before = len(self.heard())
        self.psql(FAR, "SELECT 1")
        wait_until(lambda: len(self.heard()) > before, "the far server has heard of it", 30.0)
        (self.folder / "far.log").write_text("")

    def psql(self, host: str, statement: str, env: Mapping[str, str] | None = None) -> str:
        """Run a statement there and return its rows."""
        program = ("psql", "--no-psqlrc", "-XAtq", f"postgresql://app@{host}:{_PORT}/app", "-c", statement)
        done = subprocess.run([*self.prefix, *program], capture_output=True, text=True, check=True, timeout=30, env=env)
        return done.stdout.strip()

    def close(self) -> None:
        """End the servers and the network, and remove all files."""
        for process in reversed(self._started):
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _boot(self) -> None:
        script = _BOOT.format(folder=self.folder, far=FAR)
        # When this process ends, however it does, so do the first one there and with it all others.
        new = ("--net", "--mount", "--fork", "--kill-child")
        boot = subprocess.Popen(["setpriv", "--pdeathsig=KILL", "unshare", *new, "sh", "-c", script])
        self._started.append(boot)
        wait_until((self.folder / "up").exists, "the network is there", _START_SECONDS)
        inside = Path(f"/proc/{boot.pid}/task/{boot.pid}/children").read_text().split()[0]
        self.prefix = ("nsenter", f"--target={inside}", "--net", "--mount", "--")

    def _serve(self, name: str, address: str) -> None:
        nobody = pwd.getpwnam("nobody")
        binary = SERVICE.find_binary("15", os.environ).path
        data = self.folder / name
        data.mkdir()
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
        user = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
        made = [
            *user,
            str(binary.with_name("initdb")),
            "-D",
            f"{data}/data",
            "-U",
            "app",
            "--auth=trust",
            "-EUTF8",
            "--no-sync",
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=data, env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
        (data / "data" / "pg_hba.conf").write_text("local all all trust\nhost all all 0.0.0.0/0 trust\n")
        options = {
            "listen_addresses": address,
            "unix_socket_directories": "/run/postgresql" if name == "near" else str(data),
            "log_connections": "on",
            "log_statement": "ddl",
            "fsync": "off",
        }
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        with (self.folder / f"{name}.log").open("ab") as log:
            server = [*self.prefix, *user, str(binary), "-D", f"{data}/data", *words]
            self._started.append(subprocess.Popen(server, stdout=log, stderr=log, cwd=data))
        wait_until(lambda: self._ask(address, "SELECT 1").returncode == 0, f"{name} answers", _START_SECONDS)
        self._ask(address, "CREATE DATABASE app").check_returncode()

    def _ask(self, address: str, statement: str) -> subprocess.CompletedProcess[bytes]:
        url = f"postgresql://app@{address}:{_PORT}/postgres"
        command = [*self.prefix, "psql", "-Xq", url, "-c", statement]
        return subprocess.run(command, capture_output=True, check=False, timeout=30)
