"""All tests, for the script of the page: as short as can be, since there may be tens of thousands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from test_framework.report.page.lanes import lanes, service_lanes, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from test_framework.report.stored import Report


def data(reports: Sequence[Report]) -> Markup:
    """Return them as JSON for a script element: nothing in it can end the element."""
    from markupsafe import Markup

    tiers = [_tier(report) for report in reports]
    text = json.dumps(tiers, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    return Markup(text)  # noqa: S704  # an escape of HTML would not be one of JSON


def _tier(report: Report) -> dict[str, Any]:
    """Return the tests as rows: file, name, outcome, services, milliseconds, start, lane; by number where shared."""
    record = report.record
    files: dict[str, int] = {}
    outcomes: dict[str, int] = {}
    services: dict[str, int] = {}
    names = {name: number for number, name in enumerate(lanes(record))}
    rows = []
    for test in record.tests.values():
        file, _, name = test.nodeid.partition("::")
        on = ", ".join(f"{s} {told['version'] or ''} on {told['provider']}" for s, told in test.services.items())
        place = [round(test.start * 1000), names[test.worker]] if test.start is not None else []
        rows.append(
            [
                files.setdefault(file, len(files)),
                name,
                outcomes.setdefault(test.outcome or "not ended", len(outcomes)),
                services.setdefault(on, len(services)),
                round(test.seconds * 1000, 1 if test.seconds < 1 else None),
                *place,
            ]
        )
    return {
        "name": report.name,
        "milliseconds": round(span(record) * 1000),
        "files": list(files),
        "outcomes": list(outcomes),
        "services": list(services),
        "starts": [
            [[round(a * 1000), round(b * 1000), told] for a, b, _, told in lane] for _, lane in service_lanes(record)
        ],
        "tests": rows,
    }
