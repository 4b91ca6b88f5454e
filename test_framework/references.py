"""Imports what the settings name as `module:Class`."""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from typing import Any

from test_framework.config.model import BadSetting
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused


def import_reference(reference: str, key: str, source: str, root: Path) -> Any:
    """Import what `module:name` names, from the project's root where it is not installed.

    Raises:
        BadSetting: The module or the name is not there, or the module cannot be imported.
        Refused: `sdk-missing`, when the module needs a package that is not installed.
    """
    module, _, name = reference.partition(":")
    where = f"{key} = {reference!r} in {source}"
    if str(root) not in sys.path:
        # At the end, so that no folder of the project takes the place of a package.
        sys.path.append(str(root))
    try:
        with warnings.catch_warnings():
            # What a package has deprecated is for its own users.
            warnings.simplefilter("ignore", DeprecationWarning)
            imported = importlib.import_module(module)
    except ImportError as error:
        if error.name and not f"{module}.".startswith(f"{error.name}."):
            raise Refused(Reason.of(Code.SDK_MISSING, package=error.name, error=error)) from error
        raise BadSetting(
            f"{where} cannot be imported: {error}. It is looked for in what is installed, and in {root}."
        ) from error
    except Exception as error:
        raise BadSetting(f"{where} cannot be imported: {type(error).__name__}: {error}.") from error
    meant, found = project_file(reference, root), getattr(imported, "__file__", None)
    if meant and found and meant.resolve() != Path(found).resolve():
        raise BadSetting(f"{where} is {meant}, and Python finds {found} in its place: give the module another name.")
    try:
        return getattr(imported, name)
    except AttributeError:
        there = [n for n, value in vars(imported).items() if isinstance(value, type) and not n.startswith("_")]
        raise BadSetting.unknown("class", name, where, there) from None


def project_file(reference: str, root: Path) -> Path | None:
    """Return the project's own file that holds what `module:name` names; None for what is installed."""
    path = root.joinpath(*reference.partition(":")[0].split("."))
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)
