"""What the page of a run costs beside that of pytest-html: time to make it, size, and time until it can be used."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from tests.performance.bench import Bench, Options, installed
from tests.performance.findings import TIMES, Absent, Figure, Findings, Table
from tests.performance.measuring import CaseFailed, in_turns
from tests.support.browser import opened, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["measure"]

_BARE, _THEIRS = "bare pytest", "pytest-html, self-contained"
_TIER, _OURS = "with the plugin, --tier unit", "with the plugin, --tier unit, html = true"
_CASES: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    _BARE: ("", ("tests/unit",), {}),
    _THEIRS: ("html", ("tests/unit", "--html=reports/theirs.html", "--self-contained-html"), {}),
    _TIER: ("test_framework", ("--tier", "unit"), {}),
    _OURS: ("test_framework", ("--tier", "unit"), {"TEST_FRAMEWORK_HTML": "1"}),
}
_PAGES = {_THEIRS: "reports/theirs.html", _OURS: "reports/index.html"}
_A_FILE = 50
_FAILS_EACH = 500
_MB = 1e6
_LOAD_SECONDS = 300.0


def measure(bench: Bench, options: Options) -> Findings:
    """Run many tests with either page and with none, then open the pages."""
    files = -(-options.of_tests(10_000, 500) // _A_FILE)
    tests = files * _A_FILE
    root = bench.project("page", {f"tests/unit/api/test_module_{n}.py": _module(n) for n in range(files)})
    why = installed("pytest_html")
    absent = [Absent(_THEIRS, why)] if why else []
    cases = {name: partial(_run, bench, root, name) for name in _CASES if name != _THEIRS or not why}
    samples, failed = in_turns(cases, options.of_rounds(3))
    absent += [Absent(a.case, a.why, failed=True) for a in failed]
    pages = {name: root / path for name, path in _PAGES.items() if name in samples}
    run = Table(f"{tests} tests, the whole run", "CPU s", samples, over=_BARE)
    size = Table(f"the page of {tests} tests", "MB", {n: [p.stat().st_size / _MB] for n, p in pages.items()}, to=_OURS)
    tables = [run, size]
    if program() is None:
        absent.append(Absent("in Chromium", "it is not on the PATH"))
    else:
        found, slow = _in_browser(pages, options.of_rounds(5), tests)
        tables += found
        absent += slow
    return Findings("page", tuple(tables), tuple(_figures(tables, tests)), tuple(absent))


def _module(number: int) -> str:
    """Return the text of a file of tests, some of which fail."""
    first = number * _A_FILE
    tests = (f"def test_case_{n}():\n    assert {n} % {_FAILS_EACH}\n" for n in range(first + 1, first + _A_FILE + 1))
    return "\n\n".join(tests)


def _run(bench: Bench, root: Path, name: str, _: int) -> float:
    plugin, arguments, env = _CASES[name]
    return _cpu(lambda: bench.pytest(root, *arguments, plugin=plugin, env=env, may_fail=True))


def _cpu(action: Callable[[], object]) -> float:
    """Return the seconds of CPU time that the processes took which it waited for."""
    before = os.times()
    action()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _in_browser(pages: dict[str, Path], rounds: int, tests: int) -> tuple[list[Table], list[Absent]]:
    """Measure until a page is loaded, with all that its script does, and a search in ours."""
    loaded, failed = in_turns({name: partial(_load, path) for name, path in pages.items()}, rounds)
    tables = [Table(f"the page of {tests} tests, until it is loaded", "ms", loaded, to=_OURS)]
    if _OURS in loaded:
        found = {"words typed into the search, until the list is laid out": _searches(pages[_OURS], rounds)}
        tables.append(Table(f"search in the page of {tests} tests", "ms", found))
    # A browser that gives up is what was found.
    return tables, [Absent(f"{a.case}, loaded", a.why) for a in failed]


def _load(page: Path, _: int) -> float:
    """Return the milliseconds that a browser of its own takes to load a page; raises `CaseFailed`."""
    with opened() as browser:
        try:
            browser.open(page, seconds=_LOAD_SECONDS)
        except TimeoutError:
            raise CaseFailed(f"not within {_LOAD_SECONDS:g} s") from None
        return float(browser.ask("performance.getEntriesByType('navigation')[0].loadEventEnd"))


def _searches(page: Path, rounds: int) -> list[float]:
    with opened() as browser:
        browser.open(page)
        return [
            float(browser.ask(_SEARCH.replace("WORDS", words)))
            for _ in range(rounds)
            for words in ("m", "module_7 case", "")
        ]


_SEARCH = """(() => {
    const words = document.getElementById("words"), begin = performance.now();
    words.value = "WORDS";
    words.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    return performance.now() - begin;
})()"""


def _figures(tables: list[Table], tests: int) -> Iterator[Figure]:
    run, *pages = tables
    if {_TIER, _OURS} <= run.samples.keys():
        ours = run.difference(_OURS, _TIER)
        yield Figure(f"the page of {tests} tests, over the run without it", ours, "CPU s")
        if {_BARE, _THEIRS} <= run.samples.keys():
            theirs = run.difference(_THEIRS, _BARE)
            yield Figure(f"pytest-html of {tests} tests, over bare pytest", theirs, "CPU s")
            if ours > 0:
                yield Figure("pytest-html, to make it, against our page", theirs / ours, TIMES)
    for table in pages:
        if (ratio := table.ratio(_THEIRS) if _THEIRS in table.samples else None) is not None:
            yield Figure(
                f"pytest-html, {table.title.partition('tests')[2].strip(', ') or 'size'}, against ours", ratio, TIMES
            )
