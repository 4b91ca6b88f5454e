"""The parser of the command line: it says what may have been meant, and completes words in a shell."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from test_framework.config import Settings

_MISUSE = 2
_COMPLETES = "_ARGCOMPLETE"
"""The variable that argcomplete sets where a shell asks it; see its documentation of `autocomplete`."""


class Parser(argparse.ArgumentParser):
    """One that suggests a name for a misspelt one, and shows its help where it is called without a command."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._command_metavar = ""
        # Python 3.14 and later can suggest choices, but no options.
        self.suggest_on_error = False

    def add_subparsers(self, **kwargs: Any) -> argparse._SubParsersAction[Any]:
        """See `argparse.ArgumentParser.add_subparsers`."""
        self._command_metavar = kwargs["metavar"]
        return super().add_subparsers(**kwargs)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and what may have been meant; exit with status 2."""
        if self._command_metavar and message.endswith(f"required: {self._command_metavar}"):
            self.print_help(sys.stderr)
            self.exit(_MISUSE)
        if found := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)$", message):
            message += _hint(found[1], re.split(r"[', ]+", found[2]))
        super().error(message)

    def refuse_unknown(self, arguments: list[str], command: argparse.ArgumentParser) -> NoReturn:
        """Say which arguments nobody knows, and which options of a command may have been meant; exit with status 2."""
        options = re.findall(r"(?<![\w-])--[\w-]+", command.format_help())
        hints = dict.fromkeys(_hint(word.partition("=")[0], options) for word in arguments if word.startswith("--"))
        command.error(f"unrecognized arguments: {' '.join(arguments)}{''.join(hints)}")


def _hint(word: str, known: Iterable[str]) -> str:
    from test_framework.config import nearest

    near = nearest(word, known)
    return f". Did you mean {near!r}?" if near else ""


def words_to_complete(env: Mapping[str, str]) -> list[str]:
    """Return the words of the line that a shell wants completed; none where it does not ask."""
    return env.get("COMP_LINE", "").split() if _COMPLETES in env else []


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how a word may go on, and exit; return where none asks.

    The package `argcomplete` knows how shells ask; nox completes its sessions by it. Without it nothing is completed.
    """
    if _COMPLETES in os.environ:
        try:
            from argcomplete import autocomplete
        except ImportError:
            return
        autocomplete(parser)


def completed(action: argparse.Action, names: Callable[[Settings], Iterable[str]]) -> None:
    """Have a shell complete the value of an option by what the settings of the project name."""

    def completer(**_: object) -> list[str]:
        from test_framework.config import find_root, load

        # Where the settings are wrong, argcomplete says nothing: so it does with whatever a completer raises.
        return list(names(load(find_root(Path()), os.environ)))

    setattr(action, "completer", completer)  # noqa: B010  # argcomplete's own attribute, which argparse does not know
