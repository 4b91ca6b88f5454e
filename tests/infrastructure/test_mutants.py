"""The faults that `nox -s mutants` puts in: each can be, and stands for itself."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.mutants.__main__ import all_mutants

if TYPE_CHECKING:
    from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
MUTANTS = all_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_can_be_put_in(mutant: Mutant) -> None:
    """The text that it replaces is in the code exactly once, the code can be read with it, and its tests are there."""
    path, text, faulty = mutant.changed(ROOT)
    assert faulty != text
    compile(faulty, path, "exec")
    for test in mutant.tests:
        if test.startswith("-"):
            continue  # an option of pytest's
        file, *names = test.partition("[")[0].split("::")
        assert (ROOT / file).exists(), test
        for name in names:
            assert re.search(rf"^ *(async def|def|class) {name}\b", (ROOT / file).read_text(encoding="utf-8"), re.M), (
                test
            )


def test_no_two_faults_have_one_name() -> None:
    """The table of a run tells each by its name."""
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []
