"""Alembic runs this: all revisions in one transaction, one process at a time."""

from alembic import context
from sqlalchemy import text

from reference_backend.storage.migrations import LOCK

# In this transaction, and not around it: a server that is killed in between leaves neither lock nor half a schema.
with context.config.attributes["engine"].begin() as connection:
    connection.execute(text("SET LOCAL lock_timeout = '60s'"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    context.configure(connection=connection)
    context.run_migrations()
