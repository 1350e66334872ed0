"""Code that may never end, or end its interpreter, in a process of its own: that costs one child.

`ask` starts a module that is one call of `answer`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_ROOT = Path(__file__).resolve().parent.parent


class Lost(Exception):
    """The child gave no answer; the text says why."""


class Late(Lost):
    """It was given no more time."""


def ask(module: str, request: bytes, seconds: float, read: Callable[[bytes], T]) -> T:
    """What `python -m module` answers, as `read` has it.

    `read` raises ValueError, OSError or EOFError for what is no whole answer.
    Raises Late after `seconds`, Lost where the child ended without an answer.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        out, _ = child.communicate(request, seconds)
        return read(out)
    except subprocess.TimeoutExpired:
        raise Late(f"it takes longer than {seconds:g} s") from None
    except (ValueError, OSError, EOFError):
        raise Lost(f"it ends the interpreter (code {child.returncode})") from None
    finally:
        # With whatever it has started.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def answer(make: Callable[[bytes], bytes]) -> None:
    """In the child: answers the request on stdin, and ends the process."""
    request = sys.stdin.buffer.read()
    # What user code prints must not mix with the answer.
    out = os.dup(1)
    os.dup2(2, 1)
    made = make(request)
    with os.fdopen(out, "wb") as stream:
        stream.write(made)
    # Its threads and exit handlers have no say any more.
    os._exit(0)
