"""The public interface: what `import test_framework` gives, and that it costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import test_framework


@pytest.mark.parametrize("name", test_framework.__all__)
def test_each_public_name_is_there(name: str) -> None:
    """It is imported on first use."""
    assert getattr(test_framework, name)


def test_another_name_is_no_attribute() -> None:
    """As with any module."""
    with pytest.raises(AttributeError, match="module 'test_framework' has no attribute 'Own'"):
        _ = test_framework.Own


def test_the_import_brings_nothing_along() -> None:
    """A run of pytest imports the package, and most runs use none of it."""
    code = "import sys, test_framework; print([m for m in sys.modules if m.startswith('test_framework.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
