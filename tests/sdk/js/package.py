"""The JavaScript package as tests use it: installed and built once, until its sources change."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.desk import ROOT

PACKAGE = ROOT / "sdk" / "js"
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
NODE = str(BIN / "node")
MODULES = PACKAGE / "node_modules"
BUILT = PACKAGE / "dist" / "esm" / "index.js"
TSC = MODULES / "typescript" / "bin" / "tsc"


def environment(**env: str) -> dict[str, str]:
    """This process's, with node on the path and no desk's settings."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith("CRACKTRADER_")}
    return mine | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | env


def start(script: str, *args: str, **env: str) -> subprocess.Popen[str]:
    """A script of this folder, running; `finished` reads what it prints."""
    return subprocess.Popen(
        [NODE, str(HERE / script), *args],
        cwd=PACKAGE,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str], seconds: float = 60) -> Any:
    """What it printed last, as JSON."""
    try:
        printed, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        printed, said = process.communicate()
        raise AssertionError(f"still running after {seconds} s\n{printed}\n{said}") from None
    assert process.returncode == 0, f"{process.args}\n{printed[-6000:]}\n{said[-6000:]}"
    return json.loads(printed.splitlines()[-1])


def run(*command: str, cwd: Path = PACKAGE, seconds: float = 180, **env: str) -> str:
    """What it printed; an AssertionError with all it said where it failed."""
    done = subprocess.run(
        command, cwd=cwd, env=environment(**env), capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


def node(script: str | Path, *args: str, **options: Any) -> Any:
    """What a script of this folder printed last, as JSON."""
    printed = run(NODE, str(HERE / script), *args, **options)
    return json.loads(printed.splitlines()[-1])


def install() -> None:
    """`npm ci`, unless it was done with this very package-lock.json."""
    stamp = MODULES / ".installed"
    wanted = _digest([PACKAGE / "package-lock.json"])
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    done = subprocess.run(
        [str(BIN / "npm"), "ci", "--no-audit", "--no-fund"],
        cwd=PACKAGE,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        message = f"the npm registry cannot be reached: {done.stderr[-500:]}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    stamp.write_text(wanted)


def build() -> None:
    """`npm run build`, unless the sources are those of the last one."""
    sources = [*(PACKAGE / "src").glob("*.ts"), *PACKAGE.glob("*.json"), *PACKAGE.glob("scripts/*")]
    stamp = MODULES / ".built"
    wanted = _digest(sorted(sources))
    if BUILT.is_file() and stamp.is_file() and stamp.read_text() == wanted:
        return
    run(str(BIN / "npm"), "run", "build")
    stamp.write_text(wanted)


@contextmanager
def alone() -> Iterator[None]:
    """Tests may run in several processes; they share one folder."""
    name = hashlib.sha256(str(PACKAGE).encode()).hexdigest()[:12]
    with open(Path(tempfile.gettempdir()) / f"cracktrader-js-{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
