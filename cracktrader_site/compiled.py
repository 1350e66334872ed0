"""Where numba keeps what it compiled of the engine."""

from __future__ import annotations

import hashlib
from pathlib import Path

_ENGINE = Path(__file__).resolve().parent.parent / "runs" / "engine"


def folder(home: Path) -> Path:
    """Another one for each version of numba, of vectorbt and of our own kernels.

    numba looks at a function's own file: that a kernel it calls, in another
    file or in vectorbt, is no longer the one it was compiled with, goes
    unnoticed and ends in wrong numbers or a crash.
    """
    from importlib.metadata import version

    kernels = hashlib.sha256()
    for file in sorted(_ENGINE.glob("*.py")):
        source = file.read_bytes()
        if b"njit" in source:
            kernels.update(source)
    versions = f"{version('numba')}-{version('vectorbt')}"
    return home / "numba" / f"{versions}-{kernels.hexdigest()[:12]}"
