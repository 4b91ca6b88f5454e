"""What a module does while it is imported, as a list of operations: plain tuples, so that they are kept on disk fast.

An operation is `(CODE, ...)`; a block is a tuple of them. An expression is a tuple too, see `expressions`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

__all__ = ["Block", "Op", "Operation", "Summary"]

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
    SET_ATTRIBUTE = 17  # name, attributes on the way, attribute
    LOAD = 18  # dotted name, line, expression of what is called: `importlib.import_module` perhaps


class Summary(NamedTuple):
    """All that is known of one file by itself; every field can be marshalled."""

    block: Block
    defined: tuple[str, ...]  # names that it defines itself, for whoever looks for one
    loose: tuple[str, ...]  # names that functions declare global, so that a call may bind them
    stubs: tuple[str, ...]  # names of modules that a function or a hook of it puts into `sys.modules`
    opens: bool  # whether functions of it may bind names that cannot be known
    paths: bool  # whether functions of it change `sys.path`
    error: tuple[int, str] | None = None  # line and words of its syntax error
