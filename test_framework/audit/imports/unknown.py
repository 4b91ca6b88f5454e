"""What cannot be known: neither true nor false, and equal to nothing."""

from __future__ import annotations

__all__ = ["UNKNOWN", "Source"]


class _Unknown:
    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("nobody knows")


class Source(_Unknown):
    """An open file, its text or the code of that: nothing more is known of it than where it lies."""

    __slots__ = ("path",)

    def __init__(self, path: str, *_: object) -> None:
        if not isinstance(path, str):
            raise TypeError(path)
        self.path = path

    def __str__(self) -> str:
        raise TypeError(self.path)

    def __eq__(self, other: object) -> bool:
        raise TypeError(self.path)

    __hash__ = None  # type: ignore[assignment]


UNKNOWN = _Unknown()
