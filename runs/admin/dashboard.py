"""What the admin's first page shows, besides the list of models."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from runs import health, queries
from runs.models import Run

from . import cells, pages

NEWEST = 8

_CHECK_LABELS = {"ok": "success", "degraded": "warning", "error": "danger"}


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Named by UNFOLD["DASHBOARD_CALLBACK"]."""
    if not request.user.has_perm("runs.view_run"):
        return context
    report = health.report()
    counts = queries.counts()
    runs, feeds = reverse("admin:runs_run_changelist"), reverse("admin:exchanges_feed_changelist")
    paper = queries.active_runs().filter(mode=Run.Mode.PAPER).count()
    active = ",".join(Run.ACTIVE)
    stale = report["metrics"].get("feeds_stale", 0)
    return context | {
        "desk": {
            "health": report["status"],
            "health_label": _CHECK_LABELS[report["status"]],
            "checks": [
                (name.replace("_", " "), check, _CHECK_LABELS[check["status"]])
                for name, check in report["checks"].items()
            ],
            "counts": [
                (status, counts.get(status, 0), f"{runs}?status__exact={status}")
                for status in Run.Status.values
            ],
            "markets": [
                ("Active paper", paper, f"{runs}?mode__exact=paper&status__in={active}", ""),
                ("Stale feeds", stale, f"{feeds}?stale_since__isempty=0", "ct-down" * bool(stale)),
            ],
            "newest": [
                {
                    "run": run,
                    "url": pages.url(run),
                    "status_label": cells.STATUS_LABELS[run.status],
                    "return": cells.signed_percent(run.total_return),
                    "curve": cells.sparkline(run.sparkline),
                }
                for run in queries.list_runs()[:NEWEST]
            ],
            "runs_url": runs,
        }
    }
