"""The task queue to look at.

django-q2's own pages are taken down: its schedule form runs any function by
name, and its queue form edits what workers will execute.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin

from .access import ReadOnly

for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(OrmQ)
class QueuedTaskAdmin(ReadOnly, ModelAdmin):
    """What waits for a worker.  The payload is not shown: it is pickled."""

    list_display = ("id", "key", "lock")
    fields = list_display
    actions = None

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("payload")


@admin.register(Failure)
class FailedTaskAdmin(ReadOnly, ModelAdmin):
    """Tasks that raised; a run's own failure is on the run."""

    list_display = ("name", "func", "cluster", "started", "stopped")
    fields = ("id", "name", "func", "cluster", "started", "stopped", "error")
    readonly_fields = fields
    search_fields = ("name", "func")
    actions = None

    @admin.display(description="Error")
    def error(self, task: Failure) -> str:
        return str(task.result)
