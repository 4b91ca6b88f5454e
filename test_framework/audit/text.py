"""Formats an audit for a terminal: folders, causes by the number of files that they break, files and tests."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from test_framework.audit.limits import exceeded_limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from test_framework.audit.model import Audit, Cause, Finding
    from test_framework.config import AuditSettings

_LEAST = 4  # lines of a part, however small the screen
_PIPE = 60  # lines, where there is no screen
_RED, _GREEN, _BOLD, _DIM = 31, 32, 1, 2


@dataclass(frozen=True, slots=True)
class Page:
    """What the text is written on; a width of 0 for one without an end."""

    width: int = 0
    height: int = _PIPE
    color: bool = False

    @classmethod
    def of(cls, stream: TextIO, env: Mapping[str, str]) -> Page:
        """Return that of a stream: the terminal's size, and colour there unless NO_COLOR or TERM=dumb says no."""
        if not stream.isatty():
            return cls()
        size = shutil.get_terminal_size()
        return cls(size.columns, size.lines, not env.get("NO_COLOR") and env.get("TERM") != "dumb")

    def paint(self, text: str, *codes: int) -> str:
        """Colour a text, if the page has colours."""
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m" if self.color else text

    def cut(self, text: str) -> str:
        """Shorten a line to the width."""
        return f"{text[: self.width - 1]}…" if 0 < self.width < len(text) else text


@dataclass(frozen=True, slots=True)
class _Part:
    """A title with its entries, each of one line or more; `total` when they stand for more than themselves."""

    title: str
    entries: list[list[str]]

    def lines(self, page: Page, room: int) -> list[str]:
        """Return as much as fits, and how many entries do not."""
        shown: list[str] = []
        count = 0
        size = sum(map(len, self.entries))
        for entry in self.entries:
            # The last line says what is left, if anything is.
            if size > room and len(shown) + len(entry) > max(room - 1, 1):
                break
            shown += [page.cut(f"  {line}") for line in entry]
            count += 1
        hidden = len(self.entries) - count
        if hidden:
            shown.append(page.paint(f"  … and {hidden} more, in --json", _DIM))
        return [page.paint(page.cut(self.title), _BOLD), *shown]


def format_summary(audit: Audit, page: Page, settings: AuditSettings | None) -> list[str]:
    """Return the lines.

    Args:
        audit: What was found.
        page: What they are for.
        settings: The thresholds; all are 0 when None.
    """
    parts = [p for p in _parts(audit) if p.entries]
    last = _verdict(audit, page, settings)
    # A heading and an empty line for each part, one line for the prompt.
    room = page.height - len(last) - 2 * len(parts) - 1
    shares = _shares([sum(map(len, p.entries)) for p in parts], room)
    lines: list[str] = []
    for part, share in zip(parts, shares, strict=True):
        lines += [*part.lines(page, share), ""]
    return lines + last


def _shares(wanted: list[int], room: int) -> list[int]:
    """Share lines out: each part gets the least, then all grow by one line at a time until none wants more."""
    shares = [min(want, _LEAST) for want in wanted]
    while sum(shares) < room and shares != wanted:
        for number, want in enumerate(wanted):
            if shares[number] < want and sum(shares) < room:
                shares[number] += 1
    return shares


def _parts(audit: Audit) -> Iterable[_Part]:
    yield _folders(audit)
    yield _Part("Causes, the most harmful first", [_cause(cause) for cause in audit.causes])
    yield _Part(
        f"Cannot be imported: {len(audit.broken)}",
        [[f"{b.path}: {', '.join(dict.fromkeys(f'{c.kind} {c.target}' for c in b.causes))}"] for b in audit.broken],
    )
    yield _Part(f"Selected by no tier: {len(audit.unreached)}", [[path] for path in audit.unreached])
    yield _findings("In tests", audit.quality)
    yield _findings("Rules of import", audit.imports)


def _folders(audit: Audit) -> _Part:
    folders = sorted(audit.directories, key=lambda d: (-d.broken, d.path))
    width = max((len(d.path) for d in folders), default=0)
    title = f"{'Folder'.ljust(width + 2)}  files  errors  success"
    return _Part(
        title, [[f"{d.path.ljust(width)}  {d.files:5}  {d.broken:6}  {d.success_rate:>7.1%}"] for d in folders]
    )


def _cause(cause: Cause) -> list[str]:
    details = "; ".join(part for part in (cause.message, cause.suggestion) if part)
    lines = [f"{len(cause.files):5} {_files(len(cause.files))}  {cause.kind} {cause.target}"]
    lines.append(f"{' ' * 13}{cause.path}:{cause.line}{f': {details}' if details else ''}")
    return lines


def _files(count: int) -> str:
    return "file " if count == 1 else "files"


def _findings(title: str, findings: Iterable[Finding]) -> _Part:
    found = list(findings)
    counts = Counter(f.rule for f in found)
    details = ", ".join(f"{count} {rule}" for rule, count in counts.most_common())
    # The first of each rule come before the second of any: a screen shows every rule.
    turn: Counter[str] = Counter()
    order = []
    for finding in found:
        order.append((turn[finding.rule], finding))
        turn[finding.rule] += 1
    return _Part(f"{title}: {details}", [[_finding(f)] for _, f in sorted(order, key=lambda item: item[0])])


def _finding(finding: Finding) -> str:
    name = f" {finding.test}" if finding.test else ""
    details = f": {finding.message}" if finding.message else ""
    return f"{finding.path}:{finding.line}{name}: {finding.rule}{details}"


def _verdict(audit: Audit, page: Page, settings: AuditSettings | None) -> list[str]:
    rate = 1 - len(audit.broken) / audit.files if audit.files else 1
    details = f"{audit.files} test files, {len(audit.broken)} broken, {rate:.1%} can be imported; {audit.seconds:.2f} s"
    if audit.left_out:
        details += f"; {len(audit.left_out)} files and folders left out (in --json)"
    lines = [page.cut(details)]
    if not audit.complete:
        lines.append(page.paint("NOT COMPLETE: the time was up (--collection-timeout)", _RED))
    over = exceeded_limits(audit, settings)
    lines += [page.paint(page.cut(f"{o.limit.what}: {o.found}, {o.allowed} allowed"), _RED) for o in over]
    if not over and audit.complete:
        lines.append(page.paint("clean", _GREEN) if _spotless(audit) else page.paint("within the thresholds", _GREEN))
    lines += [page.cut(line) for line in _next(audit)]
    return lines


def _spotless(audit: Audit) -> bool:
    return not exceeded_limits(audit, None)


def _next(audit: Audit) -> list[str]:
    """Return what to do first."""
    if audit.causes:
        first = audit.causes[0]
        mended = f"{len(first.files)} {_files(len(first.files)).strip()}"
        details = f"next: {first.path}:{first.line} breaks {mended}"
        return [details, f"      python -m test_framework audit --explain {first.kind}"]
    rules = Counter(f.rule for f in (*audit.imports, *audit.quality))
    rule = rules.most_common(1)[0][0] if rules else "unreached" if audit.unreached else ""
    return [f"next: python -m test_framework audit --explain {rule}"] if rule else []
