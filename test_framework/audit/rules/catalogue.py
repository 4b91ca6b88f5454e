"""The rules for one test file, by id."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from test_framework.audit.rules.cannot_fail_rules import CANNOT_FAIL
from test_framework.audit.rules.never_run_rules import NEVER_RUN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.audit.rules.rule import Rule

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in (*NEVER_RUN, *CANNOT_FAIL)})
"""Every rule that `examine` knows, by its id."""
