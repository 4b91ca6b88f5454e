"""`python -m test_framework.supervisor FOLDER`."""

from __future__ import annotations

import sys

from test_framework.supervisor.server import main

sys.exit(main())
