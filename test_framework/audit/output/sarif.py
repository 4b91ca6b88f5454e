"""An audit as SARIF 2.1.0, the format of code scanning (OASIS, "Static Analysis Results Interchange Format")."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from test_framework import __version__
from test_framework.audit.explained import EXPLAINED
from test_framework.audit.output.reported import level, reported_findings

if TYPE_CHECKING:
    from test_framework.audit.model import Audit
    from test_framework.audit.output.reported import ReportedFinding

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE = "%SRCROOT%"
_RAW = "surrogateescape"  # names of files need not be text
_RELATED = 20  # files that a cause breaks, named with it; the message has their number


def to_sarif(audit: Audit, prefix: str = "") -> dict[str, Any]:
    """Return the log, to be written as JSON.

    Args:
        audit: What was found.
        prefix: The way from the root of the repository to the audited folder, with a slash at its end.
    """
    found = list(reported_findings(audit))
    ids = sorted({place.rule for place in found} | EXPLAINED.keys())
    seen: Counter[tuple[str, str, str]] = Counter()
    results = []
    for place in found:
        key = place.rule, place.path, place.what
        results.append(_result(place, ids.index(place.rule), prefix, seen[key]))
        seen[key] += 1
    driver = {"name": "test-framework audit", "version": __version__, "rules": [_rule(name) for name in ids]}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"description": {"text": "the root of the repository"}}},
        "invocations": [{"executionSuccessful": audit.complete}],
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name, "defaultConfiguration": {"level": level(name)}}
    if name in EXPLAINED:
        known = EXPLAINED[name]
        examples = (("Found in", known.example_bad), ("Fine", known.example_good))
        text = "\n\n".join([known.explanation, *(f"{title}:\n\n{example}" for title, example in examples)])
        blocks = (f"{title}:\n\n```python\n{example}```" for title, example in examples)
        rule |= {
            "shortDescription": {"text": known.title},
            "fullDescription": {"text": known.explanation},
            "help": {"text": text, "markdown": "\n\n".join([known.explanation, *blocks])},
        }
    return rule


def _result(place: ReportedFinding, index: int, prefix: str, before: int) -> dict[str, Any]:
    # No line in it: what moves within its file is still the same.
    identity = "\0".join((place.rule, prefix + place.path, place.what, str(before)))
    result: dict[str, Any] = {
        "ruleId": place.rule,
        "ruleIndex": index,
        "level": level(place.rule),
        "message": {"text": place.message or place.title},
        "locations": [_location(place.path, place.line, prefix)],
        "partialFingerprints": {"testFrameworkAudit/v1": hashlib.sha256(identity.encode(errors=_RAW)).hexdigest()[:32]},
    }
    others = [path for path in place.breaks if path != place.path][:_RELATED]
    if others:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": "cannot be imported"}, **_location(path, 1, prefix)}
            for number, path in enumerate(others, 1)
        ]
    return result


def _location(path: str, line: int, prefix: str) -> dict[str, Any]:
    if path.startswith("/"):
        artifact = {"uri": f"file://{quote(path, errors=_RAW)}"}
    else:
        artifact = {"uri": quote(prefix + path, errors=_RAW), "uriBaseId": _BASE}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": max(line, 1)}}}
