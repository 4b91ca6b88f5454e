"""The folder of what one run keeps for the next: ours alone, or one that lasts as long as this process.

It is `$XDG_CACHE_HOME/test-framework`, else `~/.cache/test-framework`. A user may have no home, or one that cannot be
written, and by `sudo` a cache may belong to somebody else. Then what is kept is kept for this process alone, in the
temporary folder, and the run is told so once.
"""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework import private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.contracts import Context


def place(env: Mapping[str, str]) -> Path:
    """Return where the folder lies, whether it is there or not.

    Args:
        env: The environment whose `XDG_CACHE_HOME` and `HOME` count. A relative path counts as none, as XDG says.

    Raises:
        FileNotFoundError: This user has no home.
    """
    base = Path(env.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = _home(env) / ".cache"
    return base / "test-framework"


def lasting(env: Mapping[str, str]) -> Path:
    """Return the folder that stays for later runs; it is made where it is missing.

    Args:
        env: See `place`.

    Raises:
        OSError: There is no such folder of ours, and none can be made; the message says why.
    """
    folder = place(env)
    folder.parent.mkdir(parents=True, exist_ok=True)
    private.ensure(folder)
    return folder


def usable(context: Context) -> Path:
    """Return the lasting folder, else one that the guard removes with this process.

    Raises:
        OSError: Not even in the temporary folder one can be made.
    """
    try:
        return lasting(context.env)
    except OSError as error:
        folder = context.guard.process_folder("cache")
        told = f"nothing can be kept for the next run: {_why(error)}. {folder} serves until its servers end."
        context.memo.once("temporary cache", lambda: context.progress(told))
        return folder


def _home(env: Mapping[str, str]) -> Path:
    home = Path(env.get("HOME", ""))
    with suppress(KeyError):
        home = home if home.is_absolute() else Path(pwd.getpwuid(os.geteuid()).pw_dir)
    if not home.is_absolute():
        raise FileNotFoundError("this user has no home folder")
    return home


def _why(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
