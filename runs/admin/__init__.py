"""The admin's pages of runs and of the task queue; nothing here edits history."""

from . import queue, records, runs

__all__ = ["queue", "records", "runs"]
