"""How often a harness goes round: a few times with the suite, many with `make test-long`."""

from __future__ import annotations

import os
from typing import Any

import pytest


def rounds(name: str, smoke: int, long: int) -> list[Any]:
    """The values of a parameter: both of these, or the one that the environment's `name` says."""
    if given := os.environ.get(name):
        return [int(given)]
    return [smoke, pytest.param(long, marks=pytest.mark.long)]
