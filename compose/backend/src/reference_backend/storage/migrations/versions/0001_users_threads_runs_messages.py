"""Users, threads, runs and messages, each row of the last three behind its user."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE threads (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    title text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (id, user_id)
);
CREATE INDEX ON threads (user_id, created_at DESC, id DESC);
CREATE TABLE runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    client_id text NOT NULL,
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'recovered', 'failed')),
    error jsonb,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    FOREIGN KEY (thread_id, user_id) REFERENCES threads (id, user_id) ON DELETE CASCADE,
    UNIQUE (user_id, client_id)
);
CREATE INDEX ON runs (thread_id, user_id);
CREATE TABLE messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('user', 'assistant')),
    text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (thread_id, user_id) REFERENCES threads (id, user_id) ON DELETE CASCADE,
    UNIQUE (run_id, role)
);
CREATE INDEX ON messages (user_id, thread_id, created_at DESC, id DESC);
"""

# A second lock, beside the condition in each query. Superusers pass it, so a deployment uses another role.
_ROW_SECURITY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON {table} USING (user_id = nullif(current_setting('backend.user_id', true), '')::uuid);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(_TABLES)
    for table in ("threads", "runs", "messages"):
        op.execute(_ROW_SECURITY.format(table=table))


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE messages, runs, threads, users")
