from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/ui/")),
    path("ui/", include("cracktrader_site.ui.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("cracktrader_site.api.urls")),
]
