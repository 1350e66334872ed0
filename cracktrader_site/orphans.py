"""A process that must not outlive the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5


_self = os.getpid()


def die_with_parent(parent: int) -> None:
    """This process, and every process forked from it, is killed when its parent dies.

    `parent` is the pid of the process that started this one.  On Linux the
    kernel does it, at once, even to a process deep in C code.  Elsewhere a
    thread looks after the parent.  Without this the workers of a killed
    cluster live on and go on executing tasks.
    """
    _arm(parent)
    os.register_at_fork(after_in_child=_arm_child)


def _arm_child() -> None:
    global _self
    parent, _self = _self, os.getpid()
    _arm(parent)


def _arm(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        # It died before we were armed.
        os._exit(1)


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)
