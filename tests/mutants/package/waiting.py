"""Faults by which somebody waits for ever, or for somebody else."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_WIRE = "test_framework/supervisor/wire.py"
_SERVER = "test_framework/supervisor/server.py"
_RESP = "test_framework/services/_resp.py"
_POSTGRES = "test_framework/services/_postgres_connection.py"
_INPUTS = "test_framework/inputs.py"
_CONTEXTS = "test_framework/providers/docker/contexts.py"

_WIRE_TESTS = ("tests/unit/test_supervisor_wire.py",)
_PIPES = ("tests/system/test_pipes.py",)
_SLOW = "tests/system/test_slow_answers.py"
_HANGS = "tests/mission_critical/test_nothing_hangs.py"
_STATUS = (f"{_HANGS}::TestStoppedSupervisor::test_status_and_clean",)

MUTANTS = (
    Mutant(
        "a supervisor that says nothing is waited for without end",
        _WIRE,
        "self._seconds_left -= min(slice_, time.monotonic() - begin)",
        "self._seconds_left -= 0.0",
        _WIRE_TESTS,
    ),
    Mutant(
        "a message that comes byte by byte is waited for without end",
        _WIRE,
        "                wait.until_ready()\n                received",
        "                _SocketWait(self._sock, select.POLLIN, seconds).until_ready()\n                received",
        _WIRE_TESTS,
    ),
    Mutant(
        "a client that does not read holds up whoever tells it something",
        _WIRE,
        "select.POLLOUT, 0).ready(0)",
        "select.POLLOUT, 0).ready(None)",
        _WIRE_TESTS,
    ),
    Mutant(
        "a client that waits is not told that it is being worked for",
        _SERVER,
        "        if self._busy:\n",
        "        if not self._busy:\n",
        _WIRE_TESTS,
    ),
    Mutant(
        "a late answer is taken for that to the next question",
        "test_framework/supervisor/client.py",
        "            if self._unanswered_error:\n",
        "            if self._unanswered_error is self:\n",
        _WIRE_TESTS,
    ),
    Mutant(
        "the lock of a process that has ended counts as held",
        "test_framework/supervisor/address.py",
        "if owner.alive(mark) else",
        "if mark else",
        _WIRE_TESTS,
    ),
    Mutant(
        "half a greeting keeps a supervisor alive",
        _SERVER,
        "channel.receive(None if client.entered else _HELLO_SECONDS)",
        "channel.receive(None)",
        (f"{_HANGS}::TestClients",),
    ),
    Mutant(
        "a supervisor whose servers do not end does not end either",
        _SERVER,
        'within(_CLOSE_SECONDS, "what it owns", self._supervisor.close)',
        "self._supervisor.close()",
        ("tests/unit/test_supervisor_closed.py",),
    ),
    Mutant(
        "each test waits anew for a supervisor that does not answer",
        "test_framework/plugin/lease.py",
        "            if self._unanswered:\n",
        "            if self._unanswered is self:\n",
        ("tests/unit/test_supervisor_closed.py",),
    ),
    Mutant(
        "status exits 0 beside a supervisor that does not answer",
        "test_framework/cli/status.py",
        'return int(any("error" in status for status in found))',
        "return 0",
        _STATUS,
    ),
    Mutant(
        "clean ends a supervisor that does not answer without being told to",
        "test_framework/cli/clean.py",
        "    if not force:\n",
        "    if force is None:\n",
        _STATUS,
    ),
    Mutant(
        "clean ends a supervisor of another project",
        "test_framework/cli/clean.py",
        "if found.root == str(settings.root) or",
        "if found.root or",
        (f"{_HANGS}::TestStoppedSupervisor::test_of_another_project",),
    ),
    Mutant(
        "an HTTP server that answers byte by byte is waited for without end",
        "test_framework/net.py",
        "connection.sock = DeadlineSocket(sock, Deadline(sock.gettimeout() or CONNECT_SECONDS))",
        "connection.sock = sock",
        (f"{_SLOW}::test_http",),
    ),
    Mutant(
        "a Redis that answers byte by byte is waited for without end",
        _RESP,
        "received = conversation.recv(_CHUNK)",
        "received = self._socket.recv(_CHUNK)",
        (f"{_SLOW}::test_redis",),
    ),
    Mutant(
        "a connection to Redis is used after an answer has been given up",
        _RESP,
        "        if self._failed:\n",
        "        if self._failed is self:\n",
        (f"{_SLOW}::test_redis",),
    ),
    Mutant(
        "an engine that answers byte by byte is waited for without end",
        "test_framework/providers/docker/client.py",
        "return within(_WHOLE * seconds, what, lambda: send(request, **how))",
        "return send(request, **how)",
        (f"{_SLOW}::test_engine",),
    ),
    Mutant(
        "a statement has no bound of its own while Postgres answers others",
        _POSTGRES,
        "                    whole.seconds_left()\n",
        "",
        (f"{_SLOW}::test_postgres_that_is_busy",),
    ),
    Mutant(
        "a statement to a Postgres that answers nobody is waited for to its bound",
        _POSTGRES,
        "                        self._ask_beside()\n",
        "",
        (f"{_SLOW}::test_postgres_that_answers_nobody",),
    ),
    Mutant(
        "a pipe in the place of a file is waited for",
        _INPUTS,
        "os.O_RDONLY | os.O_NONBLOCK",
        "os.O_RDONLY",
        _PIPES,
    ),
    Mutant("a pipe is read as an empty file", _INPUTS, "not stat.S_ISREG(", "not stat.S_IFMT(", _PIPES),
    Mutant(
        "the docker SDK reads a pipe in the place of its configuration",
        "test_framework/providers/docker/endpoint.py",
        "    contexts.refuse_special(folder)\n",
        "",
        _PIPES,
    ),
    Mutant(
        "a folder in the place of Docker's configuration is an error",
        _CONTEXTS,
        "if not file.is_dir():",
        "if folder:",
        _PIPES,
    ),
    Mutant(
        "a line is added to a history that is a pipe",
        "test_framework/health/history.py",
        "            inputs.refuse_special(path)\n",
        "            pass\n",
        _PIPES,
    ),
    Mutant(
        "OpenSSL reads a pipe that STAGING_CA_BUNDLE names",
        "test_framework/net.py",
        "            inputs.refuse_special(bundle)\n",
        "            pass\n",
        _PIPES,
    ),
    Mutant(
        "a server that is stopped is waited for by each test",
        "test_framework/providers/embedded.py",
        "if self._process and owner.stopped(self._process.pid):",
        "if self._process is None:",
        (f"{_HANGS}::TestStoppedServer::test_embedded",),
    ),
    Mutant(
        "a server that has not answered once is waited for by each test",
        "test_framework/supervisor/managed.py",
        "                self.hang = refused.reason\n",
        "                pass\n",
        (f"{_HANGS}::TestStoppedServer::test_container",),
        docker=True,
    ),
    Mutant(
        "a lock of another user is taken for a supervisor that does not answer",
        "test_framework/supervisor/address.py",
        "if self.lock.lstat().st_uid != os.getuid():",
        "if not self.lock.lstat():",
        ("tests/system/test_odd_users.py::test_a_socket_of_somebody_else",),
    ),
    Mutant(
        "a socket that may not be opened ends with a traceback",
        "test_framework/supervisor/client.py",
        "        sock.connect(str(address.socket))\n    except OSError:",
        "        sock.connect(str(address.socket))\n    except ConnectionError:",
        ("tests/system/test_odd_users.py::test_a_socket_of_somebody_else",),
    ),
)
