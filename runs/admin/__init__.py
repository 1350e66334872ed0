"""The admin's pages of runs, webhooks and the task queue; nothing here edits history."""

from . import discrepancies, queue, records, runs, sweeps, trading, webhooks

__all__ = ["discrepancies", "queue", "records", "runs", "sweeps", "trading", "webhooks"]
