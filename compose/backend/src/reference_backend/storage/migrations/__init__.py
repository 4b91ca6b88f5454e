"""The schema's history, for alembic."""

HEAD = "0001"
"""The newest revision, said here too so that a process that finds it in the database need not load alembic."""
