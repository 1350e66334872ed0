from __future__ import annotations

import pytest

from . import package


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The package with its tools installed, and built."""
    with package.alone():
        package.install()
        package.build()
