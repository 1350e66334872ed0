from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from cracktrader_site import metrics
from cracktrader_site.ui import slashes

urlpatterns = [
    path("", RedirectView.as_view(url="/ui/")),
    path("ui/", include("cracktrader_site.ui.urls")),
    path("ui/<path:typed>/", slashes.without),
    path("admin/", admin.site.urls),
    path("metrics", metrics.view),
    path("api/v1/", include("cracktrader_site.api.urls")),
]
