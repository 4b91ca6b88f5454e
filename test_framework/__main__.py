"""`python -m test_framework`, the same as the console script `test-framework`."""

from __future__ import annotations

import sys

from test_framework.cli import main

if __name__ == "__main__":
    sys.exit(main())
