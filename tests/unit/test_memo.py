"""Answers that hold for the length of one run."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from test_framework.memo import Memo

_SECONDS = 30


def test_a_question_is_asked_once() -> None:
    """Whoever asks again is given the same answer, and another question has its own."""
    memo, asked = Memo(), count(1)
    assert [memo.once("a", lambda: next(asked)) for _ in range(3)] == [1, 1, 1]
    assert memo.once("b", lambda: next(asked)) == 2


def test_a_failure_is_an_answer() -> None:
    """It is raised again for each who asks, and nothing is tried anew."""
    memo, asked = Memo(), count(1)

    def fail() -> None:
        raise ValueError(next(asked))

    for _ in range(2):
        with pytest.raises(ValueError, match="1"):
            memo.once("a", fail)


def test_who_asks_meanwhile_waits_for_the_answer() -> None:
    """Two workers that need a server at the same time do not start two."""
    memo, asked, begun, go = Memo(), count(1), threading.Event(), threading.Event()
    answers: list[int] = []

    def ask() -> int:
        begun.set()
        assert go.wait(_SECONDS)
        return next(asked)

    threads = [threading.Thread(target=lambda: answers.append(memo.once("a", ask))) for _ in range(3)]
    threads[0].start()
    assert begun.wait(_SECONDS)
    for thread in threads[1:]:
        thread.start()
    # Whoever does not wait is in the question as well by then, or will be: it ends for all at the same time.
    threads[1].join(0.1)
    go.set()
    for thread in threads:
        thread.join(_SECONDS)
    assert answers == [1, 1, 1]


def test_one_question_does_not_wait_for_another() -> None:
    """A server that takes long to start holds up nobody who needs another one."""
    memo, begun, go = Memo(), threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        return go.wait(_SECONDS)

    quick: list[str] = []
    threads = [
        threading.Thread(target=memo.once, args=("slow", slow)),
        threading.Thread(target=lambda: quick.append(memo.once("quick", lambda: "answer"))),
    ]
    threads[0].start()
    assert begun.wait(_SECONDS)
    threads[1].start()
    threads[1].join(_SECONDS / 2)
    assert quick == ["answer"]
    go.set()
    threads[0].join(_SECONDS)
