"""Keeps a test that asks for no service from opening a connection, where its tier has no network."""

from __future__ import annotations

import socket
import sys
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.machinery import ModuleSpec

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_METHODS = ("connect", "connect_ex", "sendto")
_DRIVERS = (
    ("psycopg", "connect"),
    ("psycopg", "Connection.connect"),
    ("psycopg", "AsyncConnection.connect"),
    ("psycopg2", "connect"),
)
"""Drivers that connect in C, past Python's sockets."""


class NetworkBlocked(RuntimeError):
    """A test opened a connection and may not. It is no OSError, since code under test retries and swallows those."""


@contextmanager
def blocked(nodeid: str, tier: str) -> Iterator[None]:
    """Refuse new connections for the length of the block; sockets within this machine's file system are let through."""

    def refuse(address: object) -> None:
        raise NetworkBlocked(
            f"{nodeid} asks for no service, and the tier {tier!r} has no network: it may not connect to {address}. "
            f"Mark it requires(...) or use a service's fixture, move it to another tier, "
            f"or set network = true in [tool.test_framework.tiers.{tier}]."
        )

    restore = [_wrap_method(name, refuse) for name in _METHODS]
    for driver in dict.fromkeys(module for module, _ in _DRIVERS):
        if driver in sys.modules:
            restore += _take_driver(driver, refuse)
    watch = DriverImportHook(lambda driver: restore.extend(_take_driver(driver, refuse)))
    sys.meta_path.insert(0, watch)
    try:
        yield
    finally:
        sys.meta_path.remove(watch)
        for undo in reversed(restore):
            undo()


def _wrap_method(name: str, refuse: Callable[[object], None]) -> Callable[[], None]:
    original = getattr(socket.socket, name)
    # Some are Python's own, some come from its C base, and one may be ours: a run of pytest inside of a test.
    inherited = name not in vars(socket.socket)

    def checked(self: socket.socket, *args: Any) -> Any:
        if self.family in _FAMILIES:
            # Libraries close it after an OSError, and this is none.
            self.close()
            refuse(args[-1])
        return original(self, *args)

    setattr(socket.socket, name, checked)

    def undo() -> None:
        if inherited:
            delattr(socket.socket, name)
        else:
            setattr(socket.socket, name, original)

    return undo


def _take_driver(driver: str, refuse: Callable[[object], None]) -> list[Callable[[], None]]:
    return [_replace(sys.modules[driver], name, refuse) for module, name in _DRIVERS if module == driver]


class DriverImportHook(MetaPathFinder):
    """Sees a driver being imported while there is no network, and calls `imported` when it is there."""

    def __init__(self, imported: Callable[[str], None]) -> None:
        self._imported = imported

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find a driver as everybody else would, and have its loader tell when it is done."""
        if all(fullname != module for module, _ in _DRIVERS):
            return None
        # Only who comes later: with one block within another, each would ask the other one for ever.
        others = sys.meta_path[sys.meta_path.index(self) + 1 :]
        spec = next((s for f in others if (s := f.find_spec(fullname, path, target))), None)
        if spec and spec.loader:
            run = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                run(module)
                self._imported(fullname)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this one import
        return spec


def _replace(module: Any, path: str, refuse: Callable[[object], None]) -> Callable[[], None]:
    *owners, name = path.split(".")
    owner = getattr(module, owners[0]) if owners else module
    original = vars(owner)[name]

    def checked(*args: Any, **_: Any) -> Any:
        refuse(f"the server of {module.__name__}.{path}({'…' if args else ''})")

    setattr(owner, name, checked)
    return lambda: setattr(owner, name, original)
