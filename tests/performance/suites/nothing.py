"""Tests that do nothing, in a run that imports the driver: what it takes is not the databases'."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

import_module(os.environ["DRIVER"])


@pytest.mark.parametrize("number", range(int(os.environ["TESTS"])))
def test_nothing(number: int) -> None:
    """Its number is one."""
    assert number >= 0
