"""The admin's pages of runs, webhooks and the task queue; nothing here edits history."""

from . import queue, records, runs, webhooks

__all__ = ["queue", "records", "runs", "webhooks"]
