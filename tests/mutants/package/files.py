"""Faults where other users of the machine are: they get what is ours, or lead us to what is theirs."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_PRIVATE = "test_framework/private.py"
_CLEANUP = "test_framework/cleanup.py"
_PROGRAMS = "test_framework/providers/_programs.py"
_EMBEDDED = "test_framework/providers/embedded.py"
_POSTGRES = "test_framework/services/postgres.py"
_ADDRESS = "test_framework/supervisor/address.py"
_SERVER = "test_framework/supervisor/server.py"
_GUARD = "test_framework/supervisor/guard.py"

_TESTS = ("tests/unit/test_private.py",)
_USERS = "tests/mission_critical/test_other_users.py"
_COPIES = ("tests/unit/test_embedded.py", f"{_USERS}::test_a_program_is_never_taken_from_another_users_folder")
_ADDRESSES = ("tests/unit/test_address.py",)
_KILLED = ("tests/mission_critical/test_other_users.py::test_passwords_of_a_killed_supervisor_are_swept",)

MUTANTS = (
    Mutant(
        "who reads a report while it is written finds half of it",
        "test_framework/atomic.py",
        "        temporary.replace(path)\n",
        "        path.write_bytes(data)\n",
        ("tests/unit/test_atomic.py",),
    ),
    Mutant(
        "a report that cannot be written leaves half of it beside it",
        "test_framework/atomic.py",
        "        temporary.unlink(missing_ok=True)\n",
        "        pass\n",
        ("tests/unit/test_atomic.py",),
    ),
    Mutant(
        "the file of the stack's passwords is one that everybody can read",
        "test_framework/atomic.py",
        "        temporary.chmod(0o644 if mode is None else mode)\n",
        "        temporary.chmod(0o644)\n",
        ("tests/unit/test_atomic.py",),
    ),
    Mutant(
        "a file that init or imports rewrites becomes root's",
        "test_framework/atomic.py",
        "                os.chown(temporary, status.st_uid, status.st_gid)\n",
        "                pass\n",
        ("tests/unit/test_atomic.py",),
    ),
    Mutant(
        "a cache that another user has written is read by marshal",
        "test_framework/audit/cache.py",
        "if os.fstat(file.fileno()).st_uid != os.getuid():",
        "if not os.fstat(file.fileno()):",
        ("tests/unit/test_audit_warm.py::test_what_another_user_has_put_there_is_not_read",),
    ),
    Mutant(
        "a link to a folder is followed",
        _PRIVATE,
        "_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
        "_OPEN = os.O_RDONLY | os.O_NONBLOCK",
        _TESTS,
    ),
    Mutant(
        "a pipe of somebody else's stops us for ever",
        _PRIVATE,
        "_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
        "_OPEN = os.O_RDONLY | os.O_NOFOLLOW",
        (f"{_TESTS[0]}::test_a_file_that_is_none_is_not_read", "--timeout=10"),
    ),
    Mutant(
        "another user's folder is taken for ours",
        _PRIVATE,
        'if found.st_uid != (os.geteuid() if of is None else of):\n            raise NotOurs(errno.EPERM, "belongs',
        'if found.st_uid == -1:\n            raise NotOurs(errno.EPERM, "belongs',
        _TESTS,
    ),
    Mutant(
        "a folder that others may write to is taken for ours",
        _PRIVATE,
        "if of is None and found.st_mode & _OTHERS_WRITE:",
        "if of is None and found.st_mode & 0:",
        _TESTS,
    ),
    Mutant(
        "another user's file, or a pipe, is read as ours",
        _PRIVATE,
        "if not stat.S_ISREG(found.st_mode) or found.st_uid != (os.geteuid() if of is None else of):",
        "if False:",
        _TESTS,
    ),
    Mutant(
        "folders of a living process are swept",
        _PRIVATE,
        "and not owner.alive(mark)",
        "",
        _TESTS,
    ),
    Mutant(
        "folders of another process namespace are swept",
        _PRIVATE,
        'and rest.partition("-")[0] == owner.NAMESPACE',
        "",
        _TESTS,
    ),
    Mutant(
        "a link in a folder is handed over with what it leads to",
        _PRIVATE,
        "uid, group, dir_fd=inside, follow_symlinks=False)",
        "uid, group, dir_fd=inside)",
        _TESTS,
    ),
    Mutant(
        "the server's user may enter while his folder is handed over",
        _PRIVATE,
        "        os.fchmod(above, _ALONE)\n",
        "        os.fchmod(above, 0o711)\n",
        _TESTS,
    ),
    Mutant(
        "what was handed over is handed over again",
        _PRIVATE,
        "if uid is None or owner_of(folder) == uid:\n        return\n    group",
        "if uid is None:\n        return\n    group",
        _TESTS,
    ),
    Mutant(
        "the server's user owns the folder of its log",
        _PRIVATE,
        "os.fchown(above, -1, group)",
        "os.fchown(above, uid, group)",
        _TESTS,
    ),
    Mutant(
        "every user may pass to a server's data",
        _PRIVATE,
        "_PASSABLE = 0o710",
        "_PASSABLE = 0o711",
        _TESTS,
    ),
    Mutant(
        "folders nested deep are never removed",
        _PRIVATE,
        "os.rename(inner, os.urandom(16).hex(), src_dir_fd=folder, dst_dir_fd=above)",
        "raise",
        _TESTS,
    ),
    Mutant(
        "a new file is written through a link",
        _PRIVATE,
        "os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW",
        "os.O_CREAT",
        _TESTS,
    ),
    Mutant(
        "a file of a password can be read by others for a moment",
        _PRIVATE,
        "flags, 0o600, dir_fd=inside",
        "flags, 0o644, dir_fd=inside",
        _TESTS,
    ),
    Mutant(
        "the sweep ends what a link leads to",
        _CLEANUP,
        "    with suppress(OSError), private.opened(folder) as ours:\n",
        "    folder = folder.resolve()\n    with suppress(OSError), private.opened(folder) as ours:\n",
        (f"{_USERS}::test_a_link_to_a_folder_ends_nobody_in_it",),
    ),
    Mutant(
        "a process of another user is ended for what it says of itself",
        _CLEANUP,
        "if _user_of(link.parent) in users and",
        "if",
        (f"{_USERS}::test_a_mark_of_somebody_else_ends_nothing",),
    ),
    Mutant(
        "shared memory of another user is freed",
        _CLEANUP,
        " or int(user) not in users",
        "",
        (f"{_USERS}::test_only_memory_of_the_servers_user_is_freed",),
    ),
    Mutant(
        "a copy of a program that has lost a file is used",
        _PROGRAMS,
        "return _digest({place: target / place for place in places}) == digest",
        "return target.is_dir()",
        _COPIES,
    ),
    Mutant(
        "somebody else's copy of a program is used",
        _PROGRAMS,
        "    try:\n        private.ensure(home, _PASSABLE)\n    except",
        "    try:\n        home.mkdir(_PASSABLE, exist_ok=True)\n    except",
        _COPIES,
    ),
    Mutant(
        "half a copy of a program stays for ever",
        _PROGRAMS,
        "for part in private.abandoned(home):",
        "for part in ():",
        _COPIES,
    ),
    Mutant(
        "a copy of a program cannot be read by the server's user",
        _PROGRAMS,
        "        _let_read(part)\n",
        "",
        _COPIES,
    ),
    Mutant(
        "a server is given our secrets in its environment",
        _EMBEDDED,
        "return inherited(self.context.env) | home",
        "return {**self.context.env} | home",
        (f"{_USERS}::test_no_server_has_a_secret_of_ours",),
    ),
    Mutant(
        "the guard is given our secrets in its environment",
        _GUARD,
        "**inherited(os.environ, *_ENGINE_VARIABLES)",
        "**os.environ",
        (f"{_USERS}::test_no_server_has_a_secret_of_ours",),
    ),
    Mutant(
        "a variable that nobody knows is passed to servers",
        "test_framework/inherited.py",
        "return matching(env, (*_PASSED, *more))",
        'return {n: v for n, v in env.items() if not n.startswith(("STAGING_", "AWS_"))}',
        ("tests/unit/test_inherited.py",),
    ),
    Mutant(
        "half a data directory of initdb stays in the cache for ever",
        "test_framework/services/_postgres_data.py",
        "    for part in private.abandoned(base):\n        private.remove(part)\n",
        "",
        ("tests/unit/test_postgres_data.py",),
    ),
    Mutant(
        "another user's cache is used for initdb",
        "test_framework/cache_folder.py",
        "    private.ensure(folder)\n",
        "    folder.mkdir(exist_ok=True)\n",
        ("tests/unit/test_cache_folder.py",),
    ),
    Mutant(
        "Postgres listens on a socket whose path is too long",
        _POSTGRES,
        '"unix_socket_directories": "",',
        '"unix_socket_directories": str(folder),',
        ("tests/system/test_odd_places.py::test_postgres_and_redis",),
    ),
    Mutant(
        "the URL of a kept database names no file where its path has a space",
        "test_framework/services/_postgres_databases.py",
        "file = quote(str(passfile))",
        'file = quote(str(passfile)).replace("%20", "+")',
        ("tests/unit/test_postgres.py",),
    ),
    Mutant(
        "ClickHouse cannot read its configuration where a path has an ampersand",
        "test_framework/services/clickhouse.py",
        '"folder": escape(str(folder))',
        '"folder": str(folder)',
        ("tests/unit/test_clickhouse.py",),
    ),
    Mutant(
        "passwords stay when a supervisor and its guard are killed",
        _ADDRESS,
        "        private.remove(self.passwords)\n",
        "",
        _ADDRESSES,
    ),
    Mutant(
        "passwords of a supervisor that runs are removed by another project's",
        _ADDRESS,
        "            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "",
        _ADDRESSES,
    ),
    Mutant(
        "status asks the sockets in another user's folder",
        _ADDRESS,
        "        with private.opened(folder):\n            return",
        "        if folder:\n            return",
        _ADDRESSES,
    ),
    Mutant(
        "passwords of dead servers of other projects stay",
        _SERVER,
        "            other.tidy_if_dead()\n",
        "            pass\n",
        _KILLED,
    ),
)
