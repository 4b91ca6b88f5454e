"""What one function uses, as far as that decides whether it checks: plain data that is kept from run to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

RAISES, ASSERTS = 1, 2
"""How a function checks by itself: by any exception, or by an assertion. 0 when it does not."""
Target = tuple[str, int, str]
"""Where a name comes from: module, level of a relative import, and the name there, empty for the module itself."""


class FunctionUse(NamedTuple):
    """What a function uses.

    A *maker* says what an object comes from: the dotted name of what was called for it, `@` and the name of an
    argument, or nothing when that cannot be told.
    """

    level: int = 0  # RAISES, ASSERTS or 0
    inner: int = 0  # the same for functions in it and for what follows its first `yield`
    returns: bool = False  # whether it returns a value
    raises: bool = True  # whether it can raise, where its name promises so
    names: tuple[str, ...] = ()  # dotted names that it does not bind itself
    methods: tuple[tuple[str, str], ...] = ()  # (maker, name) of what is called on objects
    own: tuple[str, ...] = ()  # what it takes from `self`, `cls` and `super()`
    params: tuple[str, ...] = ()  # its arguments, and the fixtures that it names
    called: tuple[str, ...] = ()  # those of them that it calls
    made: tuple[str, ...] = ()  # makers of what it returns or yields
    imports: tuple[tuple[str, Target], ...] = ()  # those in its body
    line: int = 0  # of its `def`


def joined(uses: Iterable[FunctionUse]) -> FunctionUse | None:
    """Return what several functions of one name use, as one; None for no function."""
    found = list(uses)
    if len(found) < 2:  # noqa: PLR2004
        return found[0] if found else None
    texts = ("names", "methods", "own", "params", "called", "made", "imports")
    both = {f: tuple(dict.fromkeys(v for use in found for v in getattr(use, f))) for f in texts}
    level, inner = max(u.level for u in found), max(u.inner for u in found)
    returns = all(u.returns for u in found)
    raises = any(u.raises for u in found)
    return FunctionUse(level, inner, returns=returns, raises=raises, line=found[0].line, **both)
