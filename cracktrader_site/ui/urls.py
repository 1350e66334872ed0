"""Every page of the desk, under /ui/."""

from __future__ import annotations

from django.urls import URLPattern, path

from runs import figures

from .pages import (
    accounts,
    compare,
    data,
    home,
    login,
    new,
    run,
    runs,
    strategies,
    sweep,
    sweep_new,
    sweeps,
    venues,
)

app_name = "ui"

urlpatterns: list[URLPattern] = [
    path("plotly.js", figures.library, name="plotly"),
    *login.urlpatterns,
    *home.urlpatterns,
    *new.urlpatterns,
    *runs.urlpatterns,
    *run.urlpatterns,
    *compare.urlpatterns,
    *sweeps.urlpatterns,
    *sweep_new.urlpatterns,
    *sweep.urlpatterns,
    *strategies.urlpatterns,
    *data.urlpatterns,
    *venues.urlpatterns,
    *accounts.urlpatterns,
]
