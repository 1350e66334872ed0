"""Which process is which, across restarts and reused pids."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

import psutil
from django.conf import settings

HOST: str = settings.MACHINE
"""What this machine is called among those that share the database."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process of one machine: `host` is the name of that.

    `started` tells a process from a later one that got the same pid.
    `cluster` is empty for a process that is not a task worker.
    """

    host: str
    cluster: str
    pid: int
    started: int
    parent: int

    @classmethod
    def current(cls) -> ProcessId:
        pid = os.getpid()
        cluster = os.environ.get("CRACKTRADER_CLUSTER", "")
        return cls(HOST, cluster, pid, start_token(pid) or 0, os.getppid())

    @classmethod
    def parse(cls, text: str) -> ProcessId | None:
        try:
            host, cluster, pid, started, parent = text.split("/")
            return cls(host, cluster, int(pid), int(started), int(parent))
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.host}/{self.cluster}/{self.pid}/{self.started}/{self.parent}"

    @property
    def is_local(self) -> bool:
        """Whether its pid says anything here; one of another machine is judged by its lease."""
        return self.host == HOST

    def is_alive(self) -> bool:
        """Whether it still runs; only meaningful for a local process."""
        return start_token(self.pid) == self.started

    def is_frozen(self) -> bool:
        """Whether it was told to stop where it is (SIGSTOP): it lives, and gives no sign of it."""
        with suppress(psutil.NoSuchProcess):
            return self.is_alive() and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        return False

    def parent_is_alive(self) -> bool:
        """Whether the process it was forked from runs; a later one with its pid does not count."""
        token = start_token(self.parent)
        return token is not None and token <= self.started


def start_token(pid: int) -> int | None:
    """A number that is this process's alone; None when it is gone or a zombie.

    On Linux the kernel's start tick, which unlike a wall-clock creation time
    does not move when the clock is set.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The command name, in brackets, may itself hold spaces and brackets.
            fields = file.read().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if os.path.isdir("/proc/self") else _portable_token(pid)
    except ProcessLookupError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _portable_token(pid: int) -> int | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(process.create_time())
    except psutil.NoSuchProcess:
        return None
