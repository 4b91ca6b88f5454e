"""The closed list of reasons: what each code means, what it says, and what to do about it.

`unavailable` lets the next provider be tried. `broken` fails the test: something was there and did not work.
The sentences are templates; `resolution.Reason.of` fills them.
"""

from __future__ import annotations

from test_framework.reasons.codes import CatalogueEntry, Code, Kind
from test_framework.reasons.docker import DOCKER
from test_framework.reasons.services import SERVICES

__all__ = ["CATALOGUE", "CatalogueEntry", "Code", "Kind"]

CATALOGUE: dict[Code, CatalogueEntry] = DOCKER | SERVICES
