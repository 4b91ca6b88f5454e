"""What is known of a suite before one test runs: pytest's settings, the source files, and how these are written."""
