"""What all clones of a template have in common, and how a changed one is restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import psycopg

_SEQUENCES = """
SELECT c.oid::int8, s.seqstart, n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
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
class TemplateShape:
    """What a template holds, by OID: tables and sequences have the same OIDs in every clone.

    Attributes:
        sequences: How each sequence stands in the template: its last value, and whether it was called.
        advanced: Those that do not stand at their start, to which emptying a table would set them.
        names: The name of each table and of each sequence, as a part of a statement.
        emptied: For each table that may be emptied, all that are emptied with it: those that refer to it, which are
            as empty in the template as it is itself.
    """

    sequences: Mapping[int, tuple[int, bool]]
    advanced: frozenset[int]
    names: Mapping[int, sql.Identifier]
    emptied: Mapping[int, frozenset[int]]

    @classmethod
    def of(cls, clone: psycopg.Connection) -> TemplateShape:
        """Look at a clone that is as its template."""
        starts = {}
        names = {}
        for oid, start, *path in clone.execute(_SEQUENCES):
            starts[oid] = (start, False)
            names[oid] = sql.Identifier(*path)
        sequences = _sequence_values(clone, names)
        advanced = frozenset(oid for oid, stand in sequences.items() if stand != starts[oid])
        tables = {oid: sql.Identifier(*path) for oid, *path in clone.execute(_TABLES)}
        looks = [sql.SQL("SELECT {}, EXISTS (SELECT FROM ONLY {})").format(oid, name) for oid, name in tables.items()]
        full = {oid for oid, rows in clone.execute(sql.SQL(" UNION ALL ").join(looks)) if rows} if looks else set()
        emptied = _closures(tables, clone.execute(_REFERENCES).fetchall())
        may = {oid: others for oid, others in emptied.items() if not others & full}
        return cls(sequences, advanced, names | tables, may)

    def sequences_match(self, clone: psycopg.Connection, touched: Iterable[int]) -> bool:
        """Whether the sequences are as in the template: those touched, and those that are not at their start."""
        asked = self.advanced.union(touched)
        return _sequence_values(clone, {oid: self.names[oid] for oid in asked}) == {
            oid: self.sequences[oid] for oid in asked
        }

    def restore(self, clone: psycopg.Connection, touched: Iterable[int]) -> bool:
        """Empty the tables that a test has written to, and begin to count anew; say whether it is as the template then.

        It is not when anything else was changed: a catalog, and so anything by DDL; a table that has rows in the
        template; a sequence that belongs to no table.
        """
        changed = {oid for (oid,) in clone.execute(_CHANGED)}
        if not changed <= self.emptied.keys():
            return False
        to_drop = sorted(frozenset().union(*(self.emptied[oid] for oid in changed)))
        if to_drop:
            # Triggers are not to hear of it.
            clone.execute("SET session_replication_role = replica")
            tables = sql.SQL(", ONLY ").join(self.names[oid] for oid in to_drop)
            clone.execute(sql.SQL("TRUNCATE ONLY {} RESTART IDENTITY").format(tables))
        if not self.sequences_match(clone, touched):
            return False
        clone.execute("SELECT pg_stat_force_next_flush()")
        clone.execute("SELECT pg_stat_reset()")
        return True


def _sequence_values(clone: psycopg.Connection, sequences: Mapping[int, sql.Identifier]) -> dict[int, tuple[int, bool]]:
    """Return the last value of each sequence, and whether it was called."""
    looks = [sql.SQL("SELECT {}::int8, last_value, is_called FROM {}").format(*each) for each in sequences.items()]
    rows = clone.execute(sql.SQL(" UNION ALL ").join(looks)).fetchall() if looks else []
    return {oid: (last, called) for oid, last, called in rows}


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
