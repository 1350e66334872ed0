from __future__ import annotations

import json
from pathlib import Path

import pytest

from . import package


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The package with its tools installed, and built."""
    with package.alone():
        package.install()
        package.build()


@pytest.fixture(scope="session")
def tarball(built, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tarball")
    npm = str(package.BIN / "npm")
    package.run(npm, "pack", "--ignore-scripts", "--pack-destination", str(folder))
    [found] = folder.glob("*.tgz")
    return found


@pytest.fixture(scope="session")
def consumer(tarball, tmp_path_factory) -> Path:
    """A folder with nothing in it but the installed tarball."""
    folder = tmp_path_factory.mktemp("consumer")
    (folder / "package.json").write_text(json.dumps({"private": True}))
    package.run(str(package.BIN / "npm"), "install", "--offline", str(tarball), cwd=folder)
    return folder
