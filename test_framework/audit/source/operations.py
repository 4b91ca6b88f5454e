"""What a module does while it is imported, as a list of operations: plain tuples, so that they are kept on disk fast.

An operation is `(CODE, ...)`; a block is a tuple of them. An expression is a tuple too, see `expressions`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GIVEN = frozenset(
    [
        "__name__",
        "__file__",
        "__doc__",
        "__package__",
        "__spec__",
        "__loader__",
        "__builtins__",
        "__cached__",
        "__dict__",
        "__annotations__",
    ]
)
"""What each module has without binding it."""

_TESTS = ("test_", "Test")
Operation: TypeAlias = tuple[Any, ...]
Block: TypeAlias = tuple[Operation, ...]


class Op:
    """The codes, with the fields that follow each."""

    BIND = 0  # names: bound to what nobody needs to know
    IMPORT = 1  # dotted name, name it is bound to ("" for its first part), line
    FROM = 2  # dotted name, level, ((name, bound to, line), …), line; the name "*" for a star
    USE = 3  # name, line: an error unless it is bound
    ATTRIBUTE = 4  # name, (attribute, …), line: an error where these are modules and one lacks it
    TRY = 5  # body, ((names of exceptions or None for all, block), …), else, finally, whether more may raise in it
    IF = 6  # expression, body, else
    MAYBE = 7  # body: it may run or not, and a fault in it proves nothing
    SET = 8  # name, expression, line
    UNBIND = 9  # names
    IMPORT_OR_SKIP = 10  # dotted name, name it is bound to or "", line
    SKIP = 11  # the rest of the file does not run
    RAISE = 12  # name of the exception ("" when unknown), line
    PATH = 13  # True to the front or False to the end of `sys.path`, expression
    STUB = 14  # expression of the name that is put into `sys.modules`, or None for any
    OPEN = 15  # any name may be bound from here on; whether modules may be made as well
    GROW = 16  # name, expression: a list that gets longer
    SET_ATTRIBUTE = 17  # name, attributes on the way, attribute ("" for any)
    LOAD = 18  # dotted name, line, expression of what is called: `importlib.import_module` perhaps
    CALL = 19  # name, (attribute, …): what may be a function or a class of the project
    RETURN = 20  # the rest of the function does not run
    HAND = 21  # name, position: a function is given the names of the module, and may bind any
    EXEC = 22  # expression of a text or of the code of one, which runs with the names of the module


class Summary(NamedTuple):
    """All that is known of one file by itself; every field can be marshalled."""

    block: Block
    defined: tuple[str, ...]  # names that it defines itself, for whoever looks for one
    global_names: tuple[str, ...]  # names that functions declare global, so that a call may bind them
    stubs: tuple[str, ...]  # names of modules that a function or a hook of it puts into `sys.modules`
    opens: bool  # whether functions of it may bind names that cannot be known
    paths: bool  # whether functions of it change `sys.path`
    error: tuple[int, str] | None = None  # line and words of its syntax error
    callables: tuple[str, ...] = ()  # names that it binds once, by a plain `def` or `class`


def bound_names(block: Block) -> set[str]:
    """Return all names that operations may bind, in whichever branch."""
    return {name for operation in flat(block) for name in binds(operation)}


def binds(operation: Operation) -> Sequence[str]:
    """Return the names that one operation binds by itself."""
    code = operation[0]
    if code == Op.BIND:
        names: Sequence[str] = operation[1]
        return names
    if code == Op.IMPORT:
        return (operation[2] or operation[1].partition(".")[0],)
    if code == Op.FROM:
        return [name for _, name, _ in operation[3]]
    if code in (Op.SET, Op.GROW):
        return (operation[1],)
    return (operation[2],) if code == Op.IMPORT_OR_SKIP else ()


def bound_once(plain: Sequence[str], block: Block) -> tuple[str, ...]:
    """Return those of the names of functions and classes that nothing else binds.

    Args:
        plain: The names, of which those of tests count only when they are called.
        block: All that the module does.
    """
    if not plain:
        return ()
    bound: Counter[str] = Counter()
    called = set()
    for operation in flat(block):
        if operation[0] == Op.CALL:
            called.add(operation[1])
        bound.update(operation[1] if operation[0] == Op.UNBIND else binds(operation))
    return tuple(n for n in plain if bound[n] == 1 and (n in called or not n.startswith(_TESTS)))


def flat(block: Block) -> Iterator[Operation]:
    """Yield operations with those of the blocks in them, in whichever branch."""
    for operation in block:
        yield operation
        code = operation[0]
        if code == Op.IF:
            yield from flat(operation[2])
            yield from flat(operation[3])
        elif code == Op.MAYBE:
            yield from flat(operation[1])
        elif code == Op.TRY:
            for part in (operation[1], operation[3], operation[4], *(h for _, h in operation[2])):
                yield from flat(part)
