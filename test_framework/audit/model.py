"""The result of an audit, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cited:
    """A cause as it is met by one test file; the line is in the file `via`, or in the test file when that is empty."""

    kind: str
    target: str
    line: int
    via: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {"kind": self.kind, "target": self.target, "line": self.line, "via": self.via}


@dataclass(frozen=True, slots=True)
class Cause:
    """One fault, where it lies, and the test files that it breaks."""

    kind: str
    target: str
    path: str
    line: int
    files: tuple[str, ...]
    suggestion: str = ""
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "kind": self.kind,
            "target": self.target,
            "path": self.path,
            "line": self.line,
            "breaks": len(self.files),
            "files": list(self.files),
            "suggestion": self.suggestion,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Broken:
    """A test file that pytest cannot import."""

    path: str
    causes: tuple[Cited, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {"path": self.path, "causes": [c.to_json() for c in self.causes]}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong at one place, though the file can be imported; `test` is the test's name, or empty."""

    path: str
    line: int
    rule: str
    test: str = ""
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "path": self.path,
            "line": self.line,
            "rule": self.rule,
            "test": self.test,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Directory:
    """The test files that lie in one folder."""

    path: str
    files: int
    broken: int

    @property
    def success_rate(self) -> float:
        """Share of the files that pytest can import, from 0 to 1."""
        return round(1 - self.broken / self.files, 4) if self.files else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "path": self.path,
            "files": self.files,
            "broken": self.broken,
            "success_rate": self.success_rate,
        }


@dataclass(frozen=True, slots=True)
class Compliance:
    """How far the files of one folder, tests or not, keep the rules of import."""

    path: str
    files: int
    breaking: int

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written; the rate is from 0 to 1."""
        rate = round(1 - self.breaking / self.files, 4)
        return {"path": self.path, "files": self.files, "breaking": self.breaking, "rate": rate}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or a folder that was left out, and why."""

    path: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {"path": self.path, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings; paths are relative to the audited root, with slashes."""

    files: int
    seconds: float
    modules: int = 0
    directories: tuple[Directory, ...] = ()
    broken: tuple[Broken, ...] = ()
    causes: tuple[Cause, ...] = ()
    empty: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    quality: tuple[Finding, ...] = ()
    imports: tuple[Finding, ...] = ()
    compliance: tuple[Compliance, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unparseable: tuple[str, ...] = ()
    complete: bool = True  # False when the timeout ended it

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` writes."""
        return {
            "files": self.files,
            "modules": self.modules,
            "seconds": self.seconds,
            "complete": self.complete,
            "directories": [d.to_json() for d in self.directories],
            "broken": [b.to_json() for b in self.broken],
            "causes": [c.to_json() for c in self.causes],
            "empty": list(self.empty),
            "unreached": list(self.unreached),
            "quality": [f.to_json() for f in self.quality],
            "imports": [f.to_json() for f in self.imports],
            "compliance": [c.to_json() for c in self.compliance],
            "unparseable": list(self.unparseable),
            "left_out": [left.to_json() for left in self.left_out],
        }
