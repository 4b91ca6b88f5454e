"""What tests do to a database, and a schema in which each of it can be told."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.support.databases import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.contracts import IsolatedResource
    from test_framework.resolution import Endpoint
    from test_framework.services._postgres_databases import PostgresDatabases

__all__ = ["AGAIN", "FACTS", "GONE", "SCHEMA", "checkout", "do", "facts", "handed_out"]

SCHEMA = """
CREATE TABLE seeded (id serial PRIMARY KEY, name text);
INSERT INTO seeded (name) VALUES ('one'), ('two');
CREATE TABLE empty (id serial PRIMARY KEY, name text, big text);
CREATE TABLE child (id int GENERATED ALWAYS AS IDENTITY, parent int REFERENCES empty ON DELETE CASCADE);
CREATE TABLE anchor (id serial PRIMARY KEY);
CREATE TABLE refers (id int, parent int REFERENCES anchor);
INSERT INTO refers VALUES (1, NULL);
CREATE TABLE free (id int, name text);
CREATE TABLE parted (id int) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE UNLOGGED TABLE quick (id int);
CREATE TABLE base (id int);
CREATE TABLE derived () INHERITS (base);
INSERT INTO derived VALUES (1);
CREATE TABLE worn (id serial, name text);
INSERT INTO worn (name) VALUES ('gone');
DELETE FROM worn;
CREATE SEQUENCE loose;
CREATE SCHEMA "Other""s";
CREATE TABLE "Other""s"."Odd.Name" (id bigserial);
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM free;
CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a trigger fired'; END $$;
CREATE TRIGGER loud BEFORE TRUNCATE OR DELETE ON free EXECUTE FUNCTION loud();
"""


FACTS = """
SELECT array_agg(format('%s %s %s', c.relname, c.relkind, c.relacl))
  FROM pg_class c WHERE c.relnamespace::regnamespace::text !~ '^(pg_|information)'
UNION ALL SELECT array_agg(s::text)
  FROM pg_sequences s
UNION ALL SELECT array_agg(x::text) FROM (
  SELECT name FROM seeded UNION ALL SELECT name FROM empty UNION ALL SELECT id::text FROM child
  UNION ALL SELECT id::text FROM free UNION ALL SELECT id::text FROM parted UNION ALL SELECT id::text FROM quick
  UNION ALL SELECT 'refers' || id FROM refers UNION ALL SELECT id::text FROM "Other""s"."Odd.Name"
  UNION ALL SELECT count::text FROM counted UNION ALL SELECT 'base' || id FROM base
  UNION ALL SELECT 'worn' || id FROM worn ORDER BY 1) x
UNION ALL SELECT array_agg(oid::text) FROM pg_largeobject_metadata
UNION ALL SELECT array_agg(format('%s %s', datconnlimit, datacl)) FROM pg_database WHERE datname = current_database()
UNION ALL SELECT array_agg(setconfig::text) FROM pg_db_role_setting r JOIN pg_database d ON d.oid = r.setdatabase
  WHERE d.datname = current_database()
UNION ALL SELECT array_agg(shobj_description(oid, 'pg_database')) FROM pg_database WHERE datname = current_database()
UNION ALL SELECT array_agg(gid) FROM pg_prepared_xacts WHERE database = current_database()
UNION ALL SELECT array_agg(starelid::text) FROM pg_statistic WHERE starelid = 'seeded'::regclass
"""


AGAIN = {
    "it reads": "SELECT count(*) FROM seeded, empty",
    "it locks rows": "SELECT * FROM seeded FOR UPDATE",
    "it notifies": "LISTEN news; NOTIFY news, 'hello'",
    "it looks at a sequence": "SELECT last_value FROM loose",
    "it inserts": "INSERT INTO empty (name) VALUES ('x'), ('y')",
    "it inserts a long text": "INSERT INTO free SELECT 1, string_agg(md5(n::text), '') FROM generate_series(1, 99) n",
    "it inserts parent and child": "INSERT INTO empty DEFAULT VALUES; INSERT INTO child VALUES (DEFAULT, 1)",
    "it inserts where rows go elsewhere": "INSERT INTO quick VALUES (1); INSERT INTO parted VALUES (1)",
    "it inserts above rows of the template": "INSERT INTO base VALUES (2)",
    "it rolls back": "BEGIN; INSERT INTO free VALUES (1); ROLLBACK",
    "it writes to an odd name": 'INSERT INTO "Other""s"."Odd.Name" DEFAULT VALUES',
    "it changes many": "INSERT INTO free SELECT i FROM generate_series(1, 1000) i; UPDATE free SET name = 'x'",
}
"""After these a database is handed out again: unchanged, or emptied."""


GONE = {
    "it changes a row of the template": "UPDATE seeded SET name = 'x' WHERE id = 1",
    "it deletes one": "DELETE FROM seeded",
    "it adds to them": "INSERT INTO seeded (name) VALUES ('three')",
    "it undoes that": "BEGIN; INSERT INTO seeded (name) VALUES ('three'); ROLLBACK",
    "it inserts below a table of the template": "INSERT INTO anchor DEFAULT VALUES",
    "it inserts where a sequence has advanced": "INSERT INTO worn VALUES (7, 'x')",
    "it takes from a sequence": "SELECT nextval('loose')",
    "it sets one without calling it": "SELECT setval('loose', 7, false)",
    "it sets one of a table of the template": "SELECT setval('seeded_id_seq', 70)",
    "it creates a table": "CREATE TABLE another (id int)",
    "it creates one and drops it": "CREATE TABLE another (id int); DROP TABLE another",
    "it creates a temporary one": "CREATE TEMPORARY TABLE another (id int)",
    "it drops a table": "DROP TABLE quick",
    "it adds a column": "ALTER TABLE free ADD COLUMN more int",
    "it empties a table": "TRUNCATE seeded",
    "it grants": "GRANT SELECT ON free TO public",
    "it comments": "COMMENT ON DATABASE {name} IS 'mine'",
    "it sets": "ALTER DATABASE {name} SET work_mem = '1MB'",
    "it limits connections": "ALTER DATABASE {name} CONNECTION LIMIT 7",
    "it writes a large object": "SELECT lo_from_bytea(0, 'x')",
    "it analyzes": "ANALYZE seeded",
    "it refreshes a view": "INSERT INTO free VALUES (1); REFRESH MATERIALIZED VIEW counted",
    "it creates a function": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "it prepares a transaction": "BEGIN; INSERT INTO free VALUES (1); PREPARE TRANSACTION 'left'",
    "it resets the counts": "DELETE FROM seeded; SELECT pg_stat_force_next_flush(); SELECT pg_stat_reset()",
}
"""After these it is not: only a new clone is sure to be as the template."""


def facts(url: str) -> list[Any]:
    """Return what can be seen of a database."""
    with psycopg.connect(url, autocommit=True) as connection:
        return [row[0] and sorted(row[0]) for row in connection.execute(FACTS).fetchall()]


def do(isolated: IsolatedResource, statements: str) -> None:
    """Run statements as a test does, one after the other, outside of a transaction."""
    with psycopg.connect(isolated.endpoint.url, autocommit=True) as connection:
        for statement in statements.format(name=isolated.name).split("; "):
            connection.execute(statement.encode())


@contextmanager
def handed_out(postgres: Endpoint, folder: Path) -> Iterator[PostgresDatabases]:
    """Hand out databases with the schema; skips a test whose server cannot prove that one is unchanged."""
    if int(str(postgres.version).partition(".")[0]) < 15:
        pytest.skip("before version 15 a server cannot prove that a database is unchanged")
    (folder / "schema.sql").write_text(SCHEMA)
    with opened(postgres, folder) as databases:
        yield databases


def checkout(databases: PostgresDatabases) -> IsolatedResource:
    """Return the next database."""
    return databases.checkout(("schema.sql",), "run", {})
