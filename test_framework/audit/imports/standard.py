"""Asks the running interpreter which names its standard library has."""

from __future__ import annotations

import importlib
import warnings

# What others add to while they run, what does something when it is imported, and what a system may do without.
_UNASKED = frozenset(
    (
        "__main__",
        "antigravity",
        "builtins",
        "distutils",
        "idlelib",
        "lib2to3",
        "pip",
        "site",
        "sitecustomize",
        "sys",
        "test",
        "this",
        "tkinter",
        "turtle",
        "turtledemo",
    )
)


def lacks(module: str, name: str) -> bool:
    """Whether a module of the standard library surely has no attribute of this name."""
    if module.partition(".")[0] in _UNASKED:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return not hasattr(importlib.import_module(module), name)
        except Exception:  # noqa: BLE001  # a part of it that does not work on this machine
            return False
