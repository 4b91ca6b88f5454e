"""Breaks the backend on purpose, one way at a time, and shows which tests notice: `nox -s mutants`.

Each way is one replacement in a copy of the backend's code. A mutant that no test notices ends the run with status 1,
and so does a replacement that no longer fits the code.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MUTANTS", "Mutant"]

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "compose" / "backend" / "src"
RUN_SECONDS = 400
ENOUGH = 3
"""Who is noticed by so many tests is not tried any further."""
TESTS = (
    "tests/e2e",
    "tests/mission_critical/test_agent_events.py",
    "tests/mission_critical/test_isolation.py",
    "tests/mission_critical/test_memory.py",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to break it: in `file`, `old` becomes `new`."""

    name: str
    file: str
    old: str
    new: str

    def apply(self, package: Path) -> None:
        """Break the copy; raises `ValueError` when the code is another one by now."""
        path = package / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has the text {text.count(self.old)} times: {self.old!r}")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


_THINKING = "    await _emit(parts, entry, events.Thinking(text=call.thought, tool=call.tool))\n"
_BETWEEN = "    name = uuid4()\n    arguments: dict[str, Any] = dict(call.arguments)\n"
_EXECUTING = "    await _emit(parts, entry, events.Executing(call_id=name, tool=call.tool, arguments=arguments))\n"

MUTANTS = (
    Mutant("two events swapped", "agent/run.py", _THINKING + _BETWEEN + _EXECUTING, _BETWEEN + _EXECUTING + _THINKING),
    Mutant(
        "an event to another user",
        "events/log.py",
        "        keys = self._keys\n        return int(",
        "        keys = self._keys\n"
        "        other, self._other = getattr(self, '_other', user_id), user_id\n"
        "        user_id = other if event['type'] == 'tool_completed' else user_id\n"
        "        return int(",
    ),
    Mutant(
        "an expired token accepted", "auth/tokens.py", '"strict_aud": True}', '"strict_aud": True, "verify_exp": False}'
    ),
    Mutant("a token of another audience accepted", "auth/tokens.py", '"strict_aud": True}', '"verify_aud": False}'),
    Mutant("a tampered token accepted", "auth/tokens.py", '"strict_aud": True}', '"verify_signature": False}'),
    Mutant(
        "a list without the user filter",
        "storage/threads.py",
        'FROM threads WHERE user_id = %s"\n    values',
        'FROM threads WHERE (user_id = %s OR true)"\n    values',
    ),
    Mutant(
        "a search without the user filter",
        "storage/messages.py",
        "WHERE user_id = %s AND role",
        "WHERE (user_id = %s OR true) AND role",
    ),
    Mutant(
        "an event lost on reconnection",
        "websocket/delivery.py",
        "begin = max(after, span.before)",
        "begin = max(after, span.before) + 1",
    ),
    Mutant(
        "an event repeated on reconnection",
        "websocket/delivery.py",
        "begin = max(after, span.before)",
        "begin = max(after, span.before) - 1",
    ),
    Mutant(
        "600 ms before each event is sent",
        "websocket/delivery.py",
        "        await self._channel.send(text)\n",
        "        await asyncio.sleep(0.6)\n        await self._channel.send(text)\n",
    ),
    Mutant(
        "1 MB kept of each session",
        "websocket/connection.py",
        "        self._ended = asyncio.Event()\n",
        "        self._ended = asyncio.Event()\n"
        "        logging._kept = [*getattr(logging, '_kept', ()), b'x' * (1 << 20)]\n",
    ),
    Mutant(
        "no last event after a fatal error",
        "agent/run.py",
        "    told_now = await _kept(parts, entry, finished)\n",
        "    told_now = ending.status == 'failed' or await _kept(parts, entry, finished)\n",
    ),
)


def run(mutant: Mutant | None, folder: Path) -> list[str]:
    """Run the tests on a backend that is broken like this, or not at all; return those that failed.

    Raises:
        RuntimeError: The run itself went wrong.
    """
    package = folder / "src" / "reference_backend"
    shutil.copytree(SOURCE / "reference_backend", package, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant:
        mutant.apply(package)
    environment = {
        **os.environ,
        "PYTHONPATH": str(package.parent),
        "TEST_FRAMEWORK_PROVIDERS": "embedded",
        "TEST_FRAMEWORK_IDLE_SECONDS": "0",
        "TEST_FRAMEWORK_GATE": "lenient",
        "TEST_FRAMEWORK_REPORTS": str(folder / "reports"),
    }
    options = ["-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", f"--maxfail={ENOUGH}", "--ignore=tests/e2e/staging"]
    command = [sys.executable, "-m", "pytest", *options, *TESTS]
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )
    if result.returncode not in (0, 1):
        raise RuntimeError(f"pytest ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    lines = [line for line in result.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return [line.partition(" ")[2].partition(" - ")[0].removeprefix("tests/") for line in lines]


def main(chosen: list[str]) -> int:
    """Try the mutants whose names hold one of the words, all when there is none; return the exit status."""
    mutants = [m for m in MUTANTS if not chosen or any(word in m.name for word in chosen)]
    unnoticed = not mutants
    print(f"| mutant | noticed by ({ENOUGH} at most) | seconds |\n|---|---|---|")
    for mutant in (None, *mutants):
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
            failed = run(mutant, Path(folder))
        name, noticed = (mutant.name if mutant else "none"), ", ".join(failed) or "nobody"
        print(f"| {name} | {noticed} | {time.monotonic() - begin:.0f} |", flush=True)
        unnoticed = unnoticed or bool(failed) is not bool(mutant)
    return int(unnoticed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="parts of the names of the mutants to try")
    sys.exit(main(parser.parse_args().words))
