"""Arithmetic on text from strangers: the four operations, remainder, power and brackets, on numbers of bounded size."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

__all__ = ["BadExpression", "evaluate"]

_LONGEST = 200
_LARGEST = 1e100
_LARGEST_EXPONENT = 100

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


class BadExpression(ValueError):
    """It cannot be worked out; the text says why."""


def evaluate(text: str) -> float:
    """Return the value; raises `BadExpression`."""
    if len(text) > _LONGEST:
        raise BadExpression(f"An expression has {_LONGEST} characters at most.")
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except ZeroDivisionError as error:
        raise BadExpression("Division by zero.") from error
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError) as error:
        raise BadExpression(str(error) if isinstance(error, BadExpression) else "This is no expression.") from error


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.UnaryOp(op, operand) if type(op) in _UNARY:
            return _UNARY[type(op)](_value(operand))
        case ast.BinOp(left, op, right) if type(op) in _BINARY:
            base, other = _value(left), _value(right)
            if isinstance(op, ast.Pow) and abs(other) > _LARGEST_EXPONENT:
                raise BadExpression("The exponent is too large.")
            found = _BINARY[type(op)](base, other)
            if isinstance(found, complex):
                raise BadExpression("There is no such root.")
            return _bounded(found)
        case _:
            raise BadExpression("This is no expression.")


def _bounded(number: float) -> float:
    # Not a number is larger than nothing, so it is asked the other way round.
    if not abs(number) <= _LARGEST:
        raise BadExpression("The number is too large.")
    return number
