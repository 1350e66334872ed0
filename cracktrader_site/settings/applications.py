"""Django's parts: applications, middleware, templates, static files, the admin's looks."""

from cracktrader_site import colours

from .places import BASE_DIR

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "heroicons",
    "django_q",
    "axes",
    "corsheaders",
    "cracktrader_site.apps.SiteConfig",
    "cracktrader_site.api.apps.ApiConfig",
    "cracktrader_site.ui.apps.UiConfig",
    "exchanges.apps.ExchangesConfig",
    "strategies.apps.StrategiesConfig",
    "runs.apps.RunsConfig",
]
MIDDLEWARE = [
    "cracktrader_site.metrics.Counting",
    "cracktrader_site.request_ids.Named",
    "cracktrader_site.proxies.ForwardedProto",
    "django.middleware.security.SecurityMiddleware",
    "cracktrader_site.browsers.BrowserPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "cracktrader_site.api.cors.ListedOrigins",
    "cracktrader_site.api.middleware.ApiGuard",
    "cracktrader_site.ui.guard.PageGuard",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "cracktrader_site.logins.AtWork",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "cracktrader_site.urls"
WSGI_APPLICATION = "cracktrader_site.wsgi.application"
ASGI_APPLICATION = "cracktrader_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "cracktrader_site.ui.visitors.context",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "cracktrader_site.formats"
STATIC_URL = "static/"
# Assets come from the installed packages; nothing is collected or built.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False
UNFOLD = {
    "SITE_TITLE": "Cracktrader",
    "SITE_HEADER": "Cracktrader",
    "SITE_SYMBOL": "candlestick_chart",
    "SITE_URL": "/ui/",
    "SHOW_HISTORY": False,
    "DASHBOARD_CALLBACK": "runs.admin.dashboard.context",
    "COLORS": {"primary": colours.BLUE},
    "STYLES": ["/static/ui/admin.css"],
    "SIDEBAR": {"show_search": True, "navigation": "cracktrader_site.navigation.sidebar"},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/runs/favicon.svg"}],
}
