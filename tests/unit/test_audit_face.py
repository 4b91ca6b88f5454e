"""What the package `test_framework.audit` names, which is all that the rest uses of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from test_framework import audit


@pytest.mark.parametrize("name", audit.__all__)
def test_each_name_is_there(name: str) -> None:
    """A name is imported from its module when it is asked for."""
    assert getattr(audit, name) is not None
    assert name in vars(audit)  # so that nobody asks twice


def test_another_name() -> None:
    """What is not named is no attribute."""
    with pytest.raises(AttributeError, match=r"module 'test_framework.audit' has no attribute 'gone'"):
        _ = audit.gone  # type: ignore[attr-defined]


def test_the_package_imports_none_of_its_modules() -> None:
    """Importing the package imports none of its modules."""
    code = "import sys, test_framework.audit; print([m for m in sys.modules if m.startswith('test_framework.audit.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
