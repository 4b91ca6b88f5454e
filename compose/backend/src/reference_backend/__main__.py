"""`python -m reference_backend`."""

import sys

from reference_backend.cli import main

# Worker processes import this module too, under another name.
if __name__ == "__main__":
    sys.exit(main())
