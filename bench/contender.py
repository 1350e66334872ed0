"""A warm process that does one thing when told to; says how long it took, in how much memory."""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(work: Callable[[], Any]) -> None:
    """The child's side: each line on stdin is one run; answers with seconds and a check value."""
    gc.collect()
    gc.freeze()
    for _ in sys.stdin:
        gc.collect()
        began = time.perf_counter()
        check = work()
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(json.dumps({"seconds": seconds, "check": check, "peak_mb": peak}), flush=True)


class Contender:
    """The parent's side.  `peak_mb`: of the process's memory so far."""

    def __init__(self, name: str, module: str, *args: str, **env: str) -> None:
        self.name = name
        self.peak_mb = 0.0
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | env,
        )

    def run(self) -> tuple[float, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        self.peak_mb = float(answer["peak_mb"])
        return float(answer["seconds"]), answer["check"]

    def close(self) -> None:
        assert self._process.stdin is not None
        # Leaving the block closes what is open, and waits.
        with self._process:
            self._process.stdin.close()
