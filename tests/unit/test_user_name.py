"""A name for a user who has none."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from test_framework.services._user_name import library, named, supported

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not supported(), reason=f"no name can be given on {sys.platform} {platform.machine()}")


@pytest.mark.parametrize("name", ["postgres", "a name that is longer than most of them are, with an ü"])
def test_a_program_is_told_the_name(name: str) -> None:
    """What it starts is told it, too; nothing of it is left when it ends."""
    with named(name) as (variables, descriptors):
        done = subprocess.run(
            # A shell in between, as initdb has one. Python asks otherwise.
            ["sh", "-c", "id -un; exit"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=os.environ | variables,
            pass_fds=descriptors,
        )
    assert done.stdout == f"{name}\n"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[0])


class _Entry(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("password", ctypes.c_char_p),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("comment", ctypes.c_char_p),
        ("home", ctypes.c_char_p),
        ("shell", ctypes.c_char_p),
    )


def test_the_library_can_be_loaded(tmp_path: Path) -> None:
    """All of the entry is there: a program may read any part of it."""
    file = tmp_path / "name.so"
    file.write_bytes(library(platform.machine(), "postgres", 12345, 54321))
    ask = ctypes.CDLL(str(file)).getpwuid
    ask.restype = ctypes.POINTER(_Entry)
    entry = ask(12345)[0]
    assert (entry.name, entry.password, entry.comment) == (b"postgres", b"", b"")
    assert (entry.uid, entry.gid, entry.home, entry.shell) == (12345, 54321, b"/", b"/bin/sh")


def test_on_arm_the_code_leads_to_the_entry() -> None:
    """The same file with two other instructions: `adr x0` and `ret`."""
    made = library("aarch64", "postgres", 12345, 54321)
    at = made.index((0xD65F03C0).to_bytes(4, "little")) - 4
    code = int.from_bytes(made[at : at + 4], "little")
    assert code & 0x9F00001F == 0x10000000
    distance = (code >> 5 & 0x7FFFF) << 2 | code >> 29 & 3
    entry = at + distance - (1 << 16)
    assert made[entry + 16 : entry + 24] == (12345).to_bytes(4, "little") + (54321).to_bytes(4, "little")
