"""Which files a tier selects: those that pytest collects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.config import load
from test_framework.config.tiers import fits
from test_framework.runner.tier_files import TierFiles
from tests.support.runs import PASSES

if TYPE_CHECKING:
    from tests.conftest import Project

COLLECTED = ("tests/e2e/test_journey.py", "tests/e2e/shop/test_order.py", "tests/e2e/shop/check_stock.py")
LEFT = (
    "tests/e2e/helper.py",
    "tests/e2e/build/test_built.py",
    "tests/e2e/.hidden/test_hidden.py",
    "tests/e2e/env/test_installed.py",
    "tests/e2e/staging/test_there.py",
    "tests/e2e/shop/test_smoke.py",
    "tests/e2e/slow/test_slow.py",
)


def test_they_are_those_that_pytest_collects(project: Project) -> None:
    """Without folders that it does not enter, what its settings leave out, and what another tier names more closely."""
    project.configure(
        "tiers.smoke.paths = ['tests/e2e/shop/test_smoke.py']\n[tool.pytest.ini_options]\n"
        "python_files = ['test_*.py', 'check_*.py']\naddopts = '--ignore=tests/e2e/slow'"
    )
    for name in (*COLLECTED, *LEFT):
        project.write(name, PASSES)
    project.write("tests/e2e/env/pyvenv.cfg", "")
    (project.path / "tests/e2e/shop/again").symlink_to(project.path / "tests/e2e/shop")
    files = TierFiles(load(project.path, {}))
    assert sorted(files.of("e2e")) == sorted(COLLECTED)
    assert files.of("smoke") == ["tests/e2e/shop/test_smoke.py"]
    (project.path / "tests/e2e/shop/again").unlink()
    result = project.run("--tier", "e2e", "--collect-only", "-q")
    assert sorted(line.partition("::")[0] for line in result.outlines if "::" in line) == sorted(COLLECTED)


@pytest.mark.parametrize(
    ("pattern", "is_one"),
    [
        ("shop", True),
        ("shop/test_order.py", True),
        ("Shop", False),
        ("test_order*", True),
        ("test_order", True),
        ("order*", False),
        ("tests/*order.py", True),
        ("shop/*", False),
        ("*/shop/*", True),
        ("test_[mno]*", True),
    ],
)
def test_what_fits_a_pattern(pattern: str, is_one: bool) -> None:  # noqa: FBT001
    """Words are looked for in the path; with a wildcard all of it has to fit, or all of the name."""
    assert fits("tests/e2e/shop/test_order.py", pattern) is is_one
