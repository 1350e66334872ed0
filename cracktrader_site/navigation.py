"""The admin's sidebar: what an operator looks for, by what it is about."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.shortcuts import resolve_url

# (title, icon, a page's address or its name, permission; empty: every member of staff)
Item = tuple[str, str, str, str]

_GROUPS: list[tuple[str, list[Item]]] = [
    (
        "",
        [
            ("Desk", "space_dashboard", "/ui/", ""),
            ("Overview", "monitoring", "admin:index", ""),
        ],
    ),
    (
        "Runs",
        [
            ("Runs", "play_circle", "admin:runs_run_changelist", "runs.view_run"),
            ("Sweeps", "grid_on", "admin:runs_sweep_changelist", "runs.view_sweep"),
            ("Orders", "receipt_long", "admin:runs_order_changelist", "runs.view_order"),
            ("Events", "list_alt", "admin:runs_event_changelist", "runs.view_event"),
            ("Artifacts", "table_view", "admin:runs_artifact_changelist", "runs.view_artifact"),
        ],
    ),
    (
        "Trading",
        [
            ("Accounts", "account_balance", "admin:exchanges_account_changelist",
             "exchanges.view_account"),
            ("Kill switches", "power_settings_new", "admin:runs_kill_switches",
             "exchanges.view_account"),
            ("Discrepancies", "difference", "admin:runs_discrepancy_changelist",
             "runs.view_discrepancy"),
            ("Orders at venues", "swap_vert", "admin:runs_venueorder_changelist",
             "runs.view_venueorder"),
            ("Executions", "done_all", "admin:runs_execution_changelist", "runs.view_execution"),
            ("Credentials", "key", "admin:exchanges_credential_changelist",
             "exchanges.view_credential"),
        ],
    ),
    (
        "Market data",
        [
            ("Venues", "storefront", "admin:exchanges_exchange_changelist",
             "exchanges.view_exchange"),
            ("Candle series", "candlestick_chart", "admin:exchanges_candleseries_changelist",
             "exchanges.view_candleseries"),
            ("Downloads", "download", "admin:exchanges_download_changelist",
             "exchanges.view_download"),
            ("Feeds", "rss_feed", "admin:exchanges_feed_changelist", "exchanges.view_feed"),
            ("Revisions", "history", "admin:exchanges_revision_changelist",
             "exchanges.view_revision"),
        ],
    ),
    (
        "Strategies",
        [
            ("Strategies", "psychology", "admin:strategies_strategy_changelist",
             "strategies.view_strategy"),
            ("Versions", "difference", "admin:strategies_strategyversion_changelist",
             "strategies.view_strategyversion"),
        ],
    ),
    (
        "Alerts",
        [
            ("Webhooks", "webhook", "admin:runs_webhook_changelist", "runs.view_webhook"),
            ("Deliveries", "outgoing_mail", "admin:runs_delivery_changelist",
             "runs.view_delivery"),
        ],
    ),
    (
        "Access",
        [
            ("API keys", "vpn_key", "admin:api_apikey_changelist", "api.view_apikey"),
            ("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
            ("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
            ("Audit trail", "policy", "admin:api_auditentry_changelist", "api.view_auditentry"),
        ],
    ),
    (
        "Workers",
        [
            ("Heartbeats", "ecg_heart", "admin:runs_heartbeat_changelist", "runs.view_heartbeat"),
            ("Queue", "inbox", "admin:django_q_ormq_changelist", "django_q.view_ormq"),
            ("Failed tasks", "error", "admin:django_q_failure_changelist",
             "django_q.view_failure"),
        ],
    ),
]  # fmt: skip


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Named by UNFOLD["SIDEBAR"]: groups without a page that the user may see are left out."""
    groups = []
    for title, pages in _GROUPS:
        items = [
            {"title": name, "icon": icon, "link": link, "active": _is_at(request, link)}
            for name, icon, page, permission in pages
            if not permission or request.user.has_perm(permission)
            for link in [resolve_url(page)]
        ]
        if items:
            groups.append({"title": title, "separator": bool(title), "items": items})
    return groups


def _is_at(request: HttpRequest, link: str) -> bool:
    """Whether this is the page, or one of its records."""
    index, switches = resolve_url("admin:index"), resolve_url("admin:runs_kill_switches")
    if link == index or request.path == switches:
        return bool(request.path == link)
    return bool(request.path.startswith(link))
