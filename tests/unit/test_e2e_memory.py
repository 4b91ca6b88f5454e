"""Growth of memory: a leak is found, warm-up and noise are not taken for one."""

from __future__ import annotations

import random

import pytest

from test_framework.config.model import ServiceLevels
from test_framework.e2e.memory import MemoryUnknown, MemoryWatch

BOUND = ServiceLevels().growth_mb_per_session


def watch(samples: list[float]) -> MemoryWatch:
    """Return a watch that has seen these samples."""
    coming = iter(samples)
    watch = MemoryWatch(lambda: next(coming))
    assert [watch.sample() for _ in samples] == samples
    return watch


def honest(seed: int, leak: float = 0.0) -> list[float]:
    """Return what a backend shows: steep warm-up, one step of the allocator, noise; and a leak per sample."""
    chance = random.Random(seed)  # noqa: S311  # noise, the same in each run
    warm = [60 + 20 * (1 - 0.4**number) for number in range(30)]
    step = chance.randrange(30)
    return [base + 2 * (number >= step) + chance.gauss(0, 0.3) + leak * number for number, base in enumerate(warm)]


@pytest.mark.parametrize("seed", range(20))
def test_an_honest_backend_passes(seed: int) -> None:
    """Whatever the noise."""
    watch(honest(seed)).check(BOUND)


@pytest.mark.parametrize("seed", range(20))
def test_a_leak_is_found(seed: int) -> None:
    """One megabyte per session is told, with the samples."""
    with pytest.raises(
        AssertionError, match=r"memory grows by (0\.[89]|1\.[012])\d* MB per session\nexpected: 0.25 MB"
    ):
        watch(honest(seed, leak=1.0)).check(BOUND)


def test_growth_is_per_session() -> None:
    """Not per sample: there may be several sessions between two."""
    watched = watch([100.0 + 10 * number for number in range(12)])
    assert watched.growth_per(1) == pytest.approx(10)
    assert watched.growth_per(20) == pytest.approx(0.5)
    with pytest.raises(AssertionError, match=r"0\.500 MB per session"):
        watched.check(BOUND, sessions=20)


@pytest.mark.parametrize(("samples", "sessions"), [(8, 1), (9, 0)])
def test_too_little_is_an_error(samples: int, sessions: int) -> None:
    """Where nothing can be said, nothing passes."""
    with pytest.raises(ValueError, match=f"{samples} samples, {sessions} sessions apart"):
        watch([1.0] * samples).check(BOUND, sessions)


def test_another_machine_is_not_seen() -> None:
    """Its memory cannot be asked for, and the error says so."""
    with pytest.raises(MemoryUnknown, match=r"backend\.example is not this machine"):
        MemoryWatch.of("https://backend.example")
