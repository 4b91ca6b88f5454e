"""Runs the audit as a user does: by its command line, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.performance.measuring import CaseFailed, run

__all__ = ["audited", "environment"]

ROOT = Path(__file__).parents[2]
_LEFT_OUT = ("CI", "PYTHONDONTWRITEBYTECODE", "TEST_FRAMEWORK_BACKEND_IMAGE")
AUDIT_SECONDS = 300.0
"""Bound on one audit."""


def environment(bytecode: Path) -> dict[str, str]:
    """Return the environment of this process for another one that keeps its byte code in a folder.

    The audit and pytest are both measured with the byte code that they have where they are used.
    """
    env = {k: v for k, v in os.environ.items() if k not in _LEFT_OUT}
    return {**env, "PYTHONPYCACHEPREFIX": str(bytecode)}


def audited(root: Path, python: str, arguments: tuple[str, ...], cache: Path) -> tuple[dict[str, Any], float]:
    """Return what `audit --json` wrote, and how many seconds the command took.

    Args:
        root: The audited tree.
        python: The interpreter whose packages count.
        arguments: Further arguments of the audit.
        cache: Where the audit keeps what it knows, in the folder `audit`: a cold audit finds none.

    Raises:
        CaseFailed: It is misuse to the audit, takes too long, or writes nothing.
    """
    # Nothing but the package: this repository has folders of names that the audited tree has too. Always at the same
    # path, by which its byte code is known.
    link = cache / "package" / "test_framework"
    link.parent.mkdir(parents=True, exist_ok=True)
    # Made once: a folder of the interpreter's path that has changed is looked into again.
    if not link.is_symlink() or link.readlink() != ROOT / "test_framework":
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / "test_framework")
    env = environment(cache / "bytecode")
    env |= {"PYTHONPATH": str(link.parent), "XDG_CACHE_HOME": str(cache / "audit")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "audit.json")
        command = [sys.executable, "-m", "test_framework", "audit", "--root", str(root), "--json", str(file)]
        command += ["--python", python, *arguments]
        taken, output = run(command, root, env, AUDIT_SECONDS, may_fail=True)
        if not file.exists():
            raise CaseFailed(f"the audit of {root.name} wrote nothing:\n{output[-2000:]}")
        return json.loads(file.read_text(encoding="utf-8")), taken
