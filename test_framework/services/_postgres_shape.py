"""What all clones of a template have in common, and how one that a test has changed is brought back to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import psycopg

__all__ = ["Shape"]

_SEQUENCES = """
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' ORDER BY c.oid
"""

_TABLES = """
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""

_REFERENCES = "SELECT confrelid, conrelid FROM pg_constraint WHERE contype = 'f'"

# Large values lie in tables of their own, which are emptied with the table that they belong to.
_CHANGED = """
SELECT c.oid FROM pg_class c
WHERE c.relkind IN ('r', 'm') AND NOT c.relisshared
AND pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid) > 0
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """Numbers of tables and sequences are the same in every clone.

    Attributes:
        sequences: The numbers of all sequences.
        stand: How they stand in the template.
        names: The name of each table, as a part of a statement.
        emptied: For each table that may be emptied, all that are emptied with it: those that refer to it, which are
            as empty in the template as it is itself.
    """

    sequences: tuple[int, ...]
    stand: tuple[tuple[object, ...], ...]
    names: Mapping[int, sql.Identifier]
    emptied: Mapping[int, frozenset[int]]
    _query: sql.Composed

    @classmethod
    def of(cls, clone: psycopg.Connection) -> Shape:
        """Look at a clone that is as its template."""
        found = clone.execute(_SEQUENCES).fetchall()
        each = [sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(*path)) for _, *path in found]
        query = sql.SQL(" UNION ALL ").join(each)
        stand = tuple(clone.execute(query).fetchall()) if found else ()
        names = {oid: sql.Identifier(*path) for oid, *path in clone.execute(_TABLES).fetchall()}
        looks = [sql.SQL("SELECT {}, EXISTS (SELECT FROM ONLY {})").format(oid, name) for oid, name in names.items()]
        full = {oid for oid, rows in clone.execute(sql.SQL(" UNION ALL ").join(looks)) if rows} if looks else set()
        emptied = _closures(names, clone.execute(_REFERENCES).fetchall())
        may = {oid: others for oid, others in emptied.items() if not others & full}
        return cls(tuple(oid for oid, *_ in found), stand, names, may, query)

    def stands(self, clone: psycopg.Connection) -> bool:
        """Whether the sequences of a clone stand as those of the template."""
        return not self.sequences or tuple(clone.execute(self._query).fetchall()) == self.stand

    def restore(self, clone: psycopg.Connection) -> bool:
        """Empty the tables that a test has written to, and begin to count anew; say whether it is as the template then.

        It is not when anything else was changed: a catalog, and so anything by DDL; a table that has rows in the
        template; a sequence that belongs to no table.
        """
        changed = {oid for (oid,) in clone.execute(_CHANGED)}
        if not changed <= self.emptied.keys():
            return False
        doomed = sorted(frozenset().union(*(self.emptied[oid] for oid in changed)))
        if doomed:
            # Triggers are not to hear of it.
            clone.execute("SET session_replication_role = replica")
            tables = sql.SQL(", ONLY ").join(self.names[oid] for oid in doomed)
            clone.execute(sql.SQL("TRUNCATE ONLY {} RESTART IDENTITY").format(tables))
        if not self.stands(clone):
            return False
        clone.execute("SELECT pg_stat_force_next_flush()")
        clone.execute("SELECT pg_stat_reset()")
        return True


def _closures(tables: Iterable[int], references: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    """Return each table with all that refer to it, also by way of others; `references` are pairs of (to, from)."""
    referring: dict[int, set[int]] = {}
    for to, by in references:
        referring.setdefault(to, set()).add(by)
    found = {}
    for table in tables:
        closed, new = {table}, {table}
        while new := {by for each in new for by in referring.get(each, ())} - closed:
            closed |= new
        found[table] = frozenset(closed)
    return found
