"""The schema's history, for alembic."""

LOCK = 0x7265666261636B
"""Number of the advisory lock that a process holds while it migrates; any that nobody else uses."""

HEAD = "0001"
"""The newest revision, said here too so that a process that finds it in the database need not load alembic."""
