"""What end-to-end tests call: clients of a deployed backend, events and their order, levels, load, memory, mocks.

Needs the extra `e2e`, and says so. Import from the modules: this one imports nothing, so that nobody pays for what he
does not use.
"""

from __future__ import annotations

from importlib.util import find_spec

_missing = [package for package in ("httpx", "jsonschema", "psutil", "websockets") if find_spec(package) is None]
if _missing:
    raise ModuleNotFoundError(
        f"test_framework.e2e needs {' and '.join(_missing)}: pip install 'pytest-tiers[e2e]'", name=_missing[0]
    )
