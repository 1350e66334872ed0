"""Every path under /api/v1."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from exchanges.views import ExchangeViewSet
from runs.run_views import RunViewSet
from runs.sweeps.views import SweepViewSet
from runs.trading.order_views import OrderViewSet
from runs.trading.views import AccountViewSet, BalanceViewSet, DiscrepancyViewSet
from runs.views import HealthViewSet, RunnerViewSet
from strategies.views import StrategyViewSet

from .authentication import OptionalKey, StaffSession
from .meta import MetaView
from .pages import RedocPage, SwaggerPage

router = SimpleRouter(trailing_slash=False)
router.register("runs", RunViewSet, basename="runs")
router.register("sweeps", SweepViewSet, basename="sweeps")
router.register("strategies", StrategyViewSet, basename="strategies")
router.register("exchanges", ExchangeViewSet, basename="exchanges")
router.register("accounts", AccountViewSet, basename="accounts")
router.register("orders", OrderViewSet, basename="orders")
router.register("discrepancies", DiscrepancyViewSet, basename="discrepancies")


def _runner(**methods: str) -> object:
    return RunnerViewSet.as_view(methods)


urlpatterns: list[URLPattern | URLResolver] = [
    # For everybody; who is known is told more.
    path(
        "health",
        HealthViewSet.as_view(
            {"get": "retrieve"}, authentication_classes=(OptionalKey, StaffSession)
        ),
    ),
    path("meta", MetaView.as_view()),
    path("status", _runner(get="status")),
    path("status/detailed", _runner(get="status_detailed")),
    path("run/backtest", _runner(post="backtest")),
    path("run/live", _runner(post="live")),
    path("run/sweep", SweepViewSet.as_view({"post": "start"})),
    path("run/stop", _runner(post="stop")),
    path("run/reset", _runner(delete="reset")),
    path("results", _runner(get="results")),
    path("balance", BalanceViewSet.as_view({"get": "balance"})),
    path("positions", BalanceViewSet.as_view({"get": "positions"})),
    *router.urls,
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SwaggerPage.as_view(url_name="schema"), name="docs"),
    path("redoc", RedocPage.as_view(url_name="schema"), name="redoc"),
]
