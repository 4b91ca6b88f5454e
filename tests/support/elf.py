"""Programs of Linux on x86-64 that say a line and need libraries, written here: there may be no compiler."""

from __future__ import annotations

import platform
import struct
import sys

import pytest

__all__ = ["needing", "on_x86_64_linux"]

on_x86_64_linux = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the programs are for Linux on x86-64"
)

_LOADER = b"/lib64/ld-linux-x86-64.so.2\0"
_PROGRAM_HEADERS = 4
_HEADERS = 64 + _PROGRAM_HEADERS * 56
_LOAD, _DYNAMIC, _INTERPRETER, _TABLE, _ALL = 1, 2, 3, 6, 7
_NEEDED, _STRINGS, _SYMBOLS, _STRINGS_SIZE, _SYMBOL_SIZE, _RUNPATH = 1, 5, 6, 10, 11, 29


def needing(*libraries: str, says: str = "", looks_in: str = "$ORIGIN/../lib") -> bytes:
    """Return a program that needs libraries, prints a line, and ends; it is a library too.

    Args:
        libraries: What it needs.
        says: The line.
        looks_in: Where it looks for them first, and for no others than its own.
    """
    texts = b"\0" + looks_in.encode() + b"\0"
    tags = [(_RUNPATH, 1)]
    for name in libraries:
        tags.append((_NEEDED, len(texts)))
        texts += name.encode() + b"\0"
    line = f"{says}\n".encode()
    symbols = -(-(_HEADERS + len(_LOADER)) // 8) * 8
    dynamic = symbols + 24
    strings = dynamic + 16 * (len(tags) + 5)
    code = strings + len(texts)
    tags += [(_STRINGS, strings), (_STRINGS_SIZE, len(texts)), (_SYMBOLS, symbols), (_SYMBOL_SIZE, 24), (0, 0)]
    # write(1, line, length), where the line comes after the 33 bytes of code, then exit(0).
    instructions = b"".join(
        (
            b"\xb8\x01\0\0\0\xbf\x01\0\0\0\x48\x8d\x35",
            struct.pack("<i", 16),
            b"\xba",
            struct.pack("<i", len(line)),
            b"\x0f\x05\xb8\x3c\0\0\0\x31\xff\x0f\x05",
        )
    )
    end = code + len(instructions) + len(line)
    return b"".join(
        (
            b"\x7fELF\x02\x01\x01" + bytes(9),
            struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, code, 64, 0, 0, 64, 56, _PROGRAM_HEADERS, 64, 0, 0),
            struct.pack("<IIQQQQQQ", _TABLE, 4, 64, 64, 64, *[_HEADERS - 64] * 2, 8),
            struct.pack("<IIQQQQQQ", _INTERPRETER, 4, _HEADERS, _HEADERS, _HEADERS, len(_LOADER), len(_LOADER), 1),
            struct.pack("<IIQQQQQQ", _LOAD, _ALL, 0, 0, 0, end, end, 4096),
            struct.pack("<IIQQQQQQ", _DYNAMIC, _ALL, *[dynamic] * 3, *[16 * len(tags)] * 2, 8),
            _LOADER.ljust(symbols - _HEADERS, b"\0"),
            bytes(24),
            *(struct.pack("<QQ", *tag) for tag in tags),
            texts,
            instructions,
            line,
        )
    )
