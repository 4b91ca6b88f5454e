"""What libpq reads of the environment that would lead us astray."""

from __future__ import annotations

__all__ = ["DIRECT", "ELSEWHERE"]

ELSEWHERE = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGPASSFILE", "PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS")
"""By these a client goes to another server than the one that it was given, also where that is a URL with a host."""

DIRECT = {"sslmode": "disable", "gssencmode": "disable"}
"""How to ask a server of ours: each would be a question to it before the first one that counts."""
