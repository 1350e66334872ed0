"""What the first page of the day would wait for, done beforehand."""

from __future__ import annotations

import gc
import threading
from importlib import import_module

# Until the server answers; what is imported meanwhile would hold it up.
AFTER_SECONDS = 1.5

# Read when they are needed, and by nearly every page with a chart.
_MODULES = ("pyarrow.parquet", "tsdownsample", "runs.engine.artifacts", "runs.engine.downsample")


def begin() -> None:
    """Returns at once; a server that stops meanwhile does not wait for it."""
    timer = threading.Timer(AFTER_SECONDS, warm)
    timer.daemon = True
    timer.start()


def warm() -> None:
    from runs import figures

    for name in _MODULES:
        import_module(name)
    figures.pack_library()
    # What is loaded by now stays: nobody is to wait until the collector has looked at it again.
    gc.collect()
    gc.freeze()
