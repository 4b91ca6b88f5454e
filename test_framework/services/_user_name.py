"""A name for a user who has none, as `docker run --user 12345` and OpenShift make them: `initdb` asks for it.

It asks by `getpwuid` of the C library, which looks into `/etc/passwd` and the like, and these are not ours to change.
nss_wrapper, which is made for this, is seldom installed, and a compiler neither. So the dynamic linker is given a
library with that one function, in front of the C library's. It is written here, as it consists of one instruction that
loads the address of an entry: it needs no other library, and so serves with glibc and with musl. It lives in memory,
since a folder may be mounted `noexec`, for as long as its block lasts.
"""

from __future__ import annotations

import os
import platform
import struct
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYMBOL = b"getpwuid"
_ENTRY_BYTES = 48
_PAGE = 1 << 16
"""The largest that a page is on these machines."""

_HEADER_BYTES, _PROGRAM_HEADER_BYTES, _SYMBOL_BYTES, _RELOCATION_BYTES = 64, 56, 24, 24
_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_READ_EXECUTE, _READ_WRITE = 5, 6
_HASH, _STRINGS, _SYMBOLS, _RELA, _RELA_SIZE, _RELA_ENTRY, _STRINGS_SIZE, _SYMBOL_SIZE = 4, 5, 6, 7, 8, 9, 10, 11


def supported() -> bool:
    """Whether a user without a name can be given one on this machine."""
    return sys.platform == "linux" and sys.byteorder == "little" and platform.machine() in _MACHINES


Named = tuple[dict[str, str], tuple[int, ...]]
"""Variables of a program that is told a name for its user, and descriptors that it has to inherit."""


@contextmanager
def named(user: str) -> Iterator[Named]:
    """Yield how a program is told that its user has this name; it holds for what it starts, too."""
    descriptor = os.memfd_create("user-name")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(library(platform.machine(), user, os.geteuid(), os.getegid()))
        yield {"LD_PRELOAD": f"/proc/self/fd/{descriptor}"}, (descriptor,)
    finally:
        os.close(descriptor)


def library(machine: str, user: str, uid: int, gid: int) -> bytes:
    """Return a shared object whose `getpwuid` knows this one user.

    Args:
        machine: As `platform.machine` calls it.
        user: The name.
        uid: The user id that is told for him.
        gid: His group's.
    """
    number, relative, code_for = _MACHINES[machine]
    programs = 4
    texts = b"\0" + _SYMBOL + b"\0" + user.encode() + b"\0/\0/bin/sh\0"
    name = 1 + len(_SYMBOL) + 1
    home = name + len(user.encode()) + 1
    # All of it stands in one file: first what is read and run, then what the linker writes to.
    hash_at = _HEADER_BYTES + programs * _PROGRAM_HEADER_BYTES
    symbols_at = hash_at + 24
    relocations_at = symbols_at + 2 * _SYMBOL_BYTES
    # In the entry: the name, the password, the comment, the home and the shell, each with its place among the texts.
    pointers = {0: name, 8: 0, 24: 0, 32: home, 40: home + 2}
    texts_at = relocations_at + len(pointers) * _RELOCATION_BYTES
    code_at = -(-(texts_at + len(texts)) // 16) * 16
    data_at = code_at + 16
    entry = data_at + _PAGE
    dynamic = entry + _ENTRY_BYTES
    code = code_for(entry - code_at)
    tags = {
        _HASH: hash_at,
        _STRINGS: texts_at,
        _STRINGS_SIZE: len(texts),
        _SYMBOLS: symbols_at,
        _SYMBOL_SIZE: _SYMBOL_BYTES,
        _RELA: relocations_at,
        _RELA_SIZE: len(pointers) * _RELOCATION_BYTES,
        _RELA_ENTRY: _RELOCATION_BYTES,
        0: 0,
    }
    table = b"".join(struct.pack("<QQ", *pair) for pair in tags.items())
    end = data_at + _ENTRY_BYTES + len(table)
    parts = [
        # A shared object of 64 bits, little-endian, for System V.
        b"\x7fELF\x02\x01\x01" + bytes(9),
        struct.pack("<HHIQQQ", 3, number, 1, 0, _HEADER_BYTES, 0),
        struct.pack("<IHHHHHH", 0, _HEADER_BYTES, _PROGRAM_HEADER_BYTES, programs, 64, 0, 0),
        _program_header(_LOAD, _READ_EXECUTE, 0, 0, data_at),
        _program_header(_LOAD, _READ_WRITE, data_at, entry, end - data_at),
        _program_header(_DYNAMIC, _READ_WRITE, data_at + _ENTRY_BYTES, dynamic, len(table)),
        _program_header(_STACK, _READ_WRITE, 0, 0, 0),
        # One bucket, in which the second symbol is; the first one stands for none.
        struct.pack("<IIIII", 1, 2, 1, 0, 0) + bytes(4),
        bytes(_SYMBOL_BYTES),
        struct.pack("<IBBHQQ", 1, 0x12, 0, 1, code_at, len(code)),
        *(struct.pack("<QQq", entry + field, relative, texts_at + text) for field, text in pointers.items()),
        texts.ljust(code_at - texts_at, b"\0"),
        code.ljust(data_at - code_at, b"\0"),
        struct.pack("<QQIIQQQ", 0, 0, uid, gid, 0, 0, 0),
        table,
    ]
    return b"".join(parts)


def _program_header(kind: int, rights: int, at: int, address: int, size: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, rights, at, address, address, size, size, _PAGE)


def _x86_64(distance: int) -> bytes:
    """Return `lea rax, [rip + …]; ret`; the distance counts from the instruction after."""
    return b"\x48\x8d\x05" + struct.pack("<i", distance - 7) + b"\xc3"


def _aarch64(distance: int) -> bytes:
    """Return `adr x0, …; ret`."""
    return struct.pack("<II", 0x10000000 | (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5, 0xD65F03C0)


_MACHINES = {"x86_64": (62, 8, _x86_64), "aarch64": (183, 1027, _aarch64)}
"""For each machine: its number in ELF, that of a relocation by the base address, and the function's code."""
