"""An audit in the formats of others: SARIF for code scanning, annotations for GitHub Actions."""

from __future__ import annotations
