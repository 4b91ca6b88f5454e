"""An imagined run of Python: its import system, as far as it can be followed without running any code."""
