"""All settings of a Cracktrader server.

What an operator may set is read through `env`, with its default and one line
of help; docs/settings.md lists them all.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from . import artifact_storage, colours, compiled, content_policy, databases, env, secret

BASE_DIR = Path(__file__).resolve().parent.parent

# --- where things live -----------------------------------------------------

CRACKTRADER_HOME = env.path(
    "CRACKTRADER_HOME",
    BASE_DIR / "var",
    "Directory of database, candles, artifacts and secret key.",
)
# It holds password hashes, sessions and the secret key.
CRACKTRADER_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
MACHINE = env.machine(
    "CRACKTRADER_MACHINE",
    "What this machine, or container, is called among those that share a database; else its host "
    "name. No two of them may have one name.",
)
KNOWN_MACHINES = "exchanges.machines.known"
CANDLES_DIR = env.path(
    "CRACKTRADER_CANDLES_DIR", CRACKTRADER_HOME / "candles", "Directory of the candle store."
)
STRATEGIES_DIR = env.path(
    "CRACKTRADER_STRATEGIES_DIR",
    CRACKTRADER_HOME / "strategies",
    "Directory of your own strategy files; `manage.py sync_strategies` reads it.",
)
ARTIFACTS_DIR = env.path(
    "CRACKTRADER_ARTIFACTS_DIR",
    CRACKTRADER_HOME / "artifacts",
    "Directory of finished runs' trades, orders and equity (Parquet).",
)

env.provide("NUMBA_CACHE_DIR", str(compiled.folder(CRACKTRADER_HOME)))
# A sum shared among threads has other last bits than one that is not: machines of
# different sizes would not agree on a result's hash.  A run is too short to gain by them.
env.provide("OPENBLAS_NUM_THREADS", "1")

# --- security --------------------------------------------------------------

DEBUG = env.flag("CRACKTRADER_DEBUG", False, "Django's debug mode; refused off loopback.")
SECRET_KEY = env.text(
    "CRACKTRADER_SECRET_KEY", "", "Signing key; generated into `<home>/secret_key` when not set."
) or secret.read_or_create(CRACKTRADER_HOME / "secret_key")
AUTH = env.flag(
    "CRACKTRADER_AUTH", False, "Whether the API wants a key; `manage.py create_key` makes them."
)
AUDIT_RECORDER = "cracktrader_site.api.audit.record"
PROXY_AUTH = env.flag(
    "CRACKTRADER_PROXY_AUTH",
    False,
    "Says that the proxy in front asks everybody who they are, where CRACKTRADER_AUTH is off.",
)
REPLY_KEEPER = "cracktrader_site.api.idempotency.once"
HOST = env.text(
    "HOST",
    "127.0.0.1",
    "Address the web server listens on; loopback only without CRACKTRADER_AUTH.",
)
PORT = env.integer("PORT", 8000, "Port the web server listens on.", minimum=1, maximum=65_535)
ALLOWED_HOSTS = env.names(
    "CRACKTRADER_ALLOWED_HOSTS",
    [],
    "Host names requests may be addressed to, besides HOST, localhost, 127.0.0.1 and [::1].",
)
# A browser sends these to the machine it is on, and nobody can have a name of his own resolve so.
_OWN_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
if HOST not in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
    _OWN_HOSTS.append(f"[{HOST}]" if ":" in HOST else HOST)
ALLOWED_HOSTS = list(dict.fromkeys([*ALLOWED_HOSTS, *_OWN_HOSTS]))
CSRF_TRUSTED_ORIGINS = env.names(
    "CRACKTRADER_TRUSTED_ORIGINS", [], "Origins of a proxy in front, e.g. https://desk.example."
)
CORS_ALLOWED_ORIGINS = env.names(
    "CRACKTRADER_CORS_ORIGINS",
    [],
    "Other sites' origins, e.g. https://app.example, whose pages may use the API with a key.",
)
TRUSTED_PROXIES = env.networks(
    "CRACKTRADER_TRUSTED_PROXIES",
    "Addresses and networks of proxies in front, whose X-Forwarded-For and -Proto are believed; "
    "behind TLS on loopback this machine is one.",
)
SECURE_PROXY = env.flag(
    "CRACKTRADER_BEHIND_TLS", False, "Set when a proxy in front serves HTTPS: secure cookies, HSTS."
)
if SECURE_PROXY and not TRUSTED_PROXIES and HOST in ("localhost", "127.0.0.1", "::1"):
    # Nobody else can connect there.
    TRUSTED_PROXIES = [ip_network("127.0.0.0/8"), ip_network("::1")]
ALLOW_PLAIN_HTTP = env.flag(
    "CRACKTRADER_ALLOW_PLAIN_HTTP",
    False,
    "Lets keys and passwords cross the network unencrypted: for networks you trust.",
)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_PROXY
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if SECURE_PROXY:
    # A browser takes cookies of these names over HTTPS only, and from no other host.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_AGE = 3600 * env.integer(
    "CRACKTRADER_SESSION_HOURS",
    12,
    "Hours after which the admin asks to log in again.",
    minimum=1,
    maximum=8760,
)
AXES_FAILURE_LIMIT = env.integer(
    "CRACKTRADER_LOGIN_FAILURES",
    5,
    "Failed logins with a name from an address that lock it there.",
    minimum=1,
    maximum=100,
)
LOGIN_FAILURES_ADDRESS = env.integer(
    "CRACKTRADER_LOGIN_FAILURES_ADDRESS",
    20,
    "Failed logins from an address, whatever the names, that lock logins from there.",
    minimum=1,
    maximum=1000,
)
AXES_COOLOFF_TIME = timedelta(
    minutes=env.integer(
        "CRACKTRADER_LOGIN_LOCK_MINUTES",
        15,
        "Minutes for which failed logins are counted, and a lock holds.",
        minimum=1,
        maximum=10_080,
    )
)
AXES_HANDLER = "cracktrader_site.logins.LoginLimits"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_CLIENT_IP_CALLABLE = "cracktrader_site.logins.address"
AXES_LOCKOUT_CALLABLE = "cracktrader_site.logins.locked_out"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]
# The audit trail holds who came and who did not get in.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ("DELETE", "GET", "OPTIONS", "POST")
CORS_ALLOW_HEADERS = ("accept", "authorization", "content-type", "idempotency-key")
CORS_EXPOSE_HEADERS = (
    "Idempotent-Replayed",
    "Retry-After",
    "X-Cracktrader-API-Version",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
)
CORS_PREFLIGHT_MAX_AGE = 600
CONTENT_SECURITY_POLICY = {"DIRECTIVES": content_policy.PAGES}
SECURE_SSL_REDIRECT = SECURE_PROXY
# What looks after the server asks without TLS, and is told nothing that matters.
SECURE_REDIRECT_EXEMPT = [r"^api/v1/health$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_PROXY else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_PROXY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_PROXY
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer(
    "CRACKTRADER_MAX_BODY_BYTES",
    1_048_576,
    "Largest request body accepted.",
    minimum=1024,
    maximum=104_857_600,
)
DEFAULT_EXCEPTION_REPORTER_FILTER = "cracktrader_site.hiding.AlwaysHiding"
# Of whoever opens the login page itself, which says no other place to go.
LOGIN_REDIRECT_URL = "/admin/"
CSRF_FAILURE_VIEW = "cracktrader_site.ui.failures.no_token"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [{"NAME": "cracktrader_site.logins.PasswordsTold"}]

# --- applications ----------------------------------------------------------

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

# --- database --------------------------------------------------------------

DATABASES = {
    "default": env.database(
        "DATABASE_URL",
        "Where several machines work together: postgres://user:password@host:5432/name. "
        "Else a SQLite file in the home.",
    )
    or databases.sqlite(CRACKTRADER_HOME / "db.sqlite3")
}
REDIS_URL = env.redis(
    "REDIS_URL",
    "Where several machines work together: redis://:password@host:6379/0, for the task queue and "
    "for counting requests. Else the database has the queue.",
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "artifacts": artifact_storage.storage(
        env.artifacts(
            "CRACKTRADER_ARTIFACTS",
            "Where finished runs' tables are: in CRACKTRADER_ARTIFACTS_DIR (else with SQLite), in "
            "the database (else with PostgreSQL), or in a bucket.",
        ),
        ARTIFACTS_DIR,
        DATABASES["default"]["ENGINE"],
    ),
}

# --- tasks -----------------------------------------------------------------

JOB_WORKERS = env.integer(
    "CRACKTRADER_JOB_WORKERS", 2, "Worker processes for backtests.", minimum=1, maximum=256
)
BACKTEST_TIMEOUT = env.integer(
    "CRACKTRADER_BACKTEST_TIMEOUT",
    1800,
    "Seconds one backtest may take.",
    minimum=1,
    maximum=604_800,
)
RUN_LEASE_SECONDS = env.integer(
    "CRACKTRADER_RUN_LEASE_SECONDS",
    30,
    "Seconds without a sign of life after which another worker takes a run over.",
    minimum=2,
    maximum=3600,
)
RUN_MAX_ATTEMPTS = env.integer(
    "CRACKTRADER_RUN_MAX_ATTEMPTS",
    5,
    "How often a run whose worker died is taken up again before it fails.",
    minimum=1,
    maximum=1000,
)
LIVE_WORKERS = env.integer(
    "CRACKTRADER_LIVE_WORKERS",
    2,
    "Worker processes for paper and live runs.",
    minimum=1,
    maximum=256,
)
SLICE_BARS = env.integer(
    "CRACKTRADER_SLICE_BARS",
    250,
    "Bars a paper run that has fallen behind, or a replay, steps before it commits.",
    minimum=1,
    maximum=1_000_000,
)
SLICE_TIMEOUT = env.integer(
    "CRACKTRADER_SLICE_TIMEOUT",
    60,
    "Seconds one slice of a paper run may take; a replay's has CRACKTRADER_BACKTEST_TIMEOUT.",
    minimum=1,
    maximum=86_400,
)
LATE_SECONDS = env.integer(
    "CRACKTRADER_LATE_SECONDS",
    60,
    "Seconds after its close from which a bar that a paper run steps is marked late.",
    minimum=1,
    maximum=86_400,
)
# Slices and backtests wind their own alarms (runs.turns).  A task also begins its last
# slice late in its turn, closes books, and waits for a database that is busy.
_TASK_MARGIN = 60
Q_CLUSTER = {
    "name": "jobs",
    "broker_class": "runs.redis_broker.Bells" if REDIS_URL else "runs.broker.LeanOrm",
    "orm": "default",
    "workers": JOB_WORKERS,
    "timeout": BACKTEST_TIMEOUT + _TASK_MARGIN,
    # The Run row recovers work, the queue only rings the bell: a message is
    # delivered again far later than any lease, and once is enough.
    "retry": (BACKTEST_TIMEOUT + _TASK_MARGIN) * 3,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": 0,
    "bulk": 1,
    "queue_limit": 1,
    "catch_up": False,
    "scheduler": False,
    "recycle": 500,
    "max_rss": 1_500_000,
    "label": "Task queue",
    "error_reporter": {},
    # Backtests never starve runs that trade.
    "ALT_CLUSTERS": {
        "live": {
            "workers": LIVE_WORKERS,
            "timeout": SLICE_TIMEOUT + _TASK_MARGIN,
            "retry": (SLICE_TIMEOUT + _TASK_MARGIN) * 3,
        }
    },
}

# --- market data -----------------------------------------------------------

MAX_SYMBOLS = env.integer(
    "CRACKTRADER_MAX_SYMBOLS", 50, "Symbols one run may trade.", minimum=1, maximum=1000
)
MAX_BARS = env.integer(
    "CRACKTRADER_MAX_BARS",
    5_000_000,
    "Bars one run may cover, all symbols together.",
    minimum=1,
    maximum=1_000_000_000,
)
MAX_TRIALS = env.integer(
    "CRACKTRADER_MAX_TRIALS",
    100_000,
    "Backtests one sweep may ask for, all variations and windows together.",
    minimum=1,
    maximum=10_000_000,
)
MAX_ACTIVE = env.integer(
    "CRACKTRADER_MAX_ACTIVE",
    1_000,
    "Runs one owner (a key, a user, or all without a key) may have active, queued ones too; "
    "0: no limit.",
    maximum=1_000_000,
)
MAX_ACTIVE_SWEEPS = env.integer(
    "CRACKTRADER_MAX_ACTIVE_SWEEPS",
    20,
    "Sweeps one owner may have active; 0: no limit.",
    maximum=100_000,
)
VENUE_TIMEOUT = env.integer(
    "CRACKTRADER_VENUE_TIMEOUT", 15, "Seconds to wait for a venue's answer.", minimum=1, maximum=600
)
VENUE_RETRIES = env.integer(
    "CRACKTRADER_VENUE_RETRIES",
    4,
    "How often a failed market data request is repeated.",
    maximum=20,
)
BAR_SETTLE = env.integer(
    "CRACKTRADER_BAR_SETTLE_MS",
    300,
    "Milliseconds to leave a venue after a bar's close before it is asked for the bar.",
    maximum=60_000,
)
BAR_PATIENCE = env.integer(
    "CRACKTRADER_BAR_PATIENCE",
    30,
    "Seconds after a bar's close from which on a bar the venue does not deliver is passed over.",
    maximum=86_400,
)
REHEARSAL_CLOCK = env.clock(
    "CRACKTRADER_CLOCK",
    "Rehearse on another clock: `<time it shows>,<speed>[,<when, on the wall clock>]`, "
    "times in ISO 8601; without the last one: at the start.",
)

# --- live trading ----------------------------------------------------------

LIVE_TRADING = env.flag(
    "CRACKTRADER_LIVE_TRADING",
    False,
    "Lets keys with the scope `live` place real orders; needs CRACKTRADER_AUTH.",
)
CREDENTIALS_KEY = env.names(
    "CRACKTRADER_CREDENTIALS_KEY",
    [],
    "Keys that venue credentials are encrypted with (`manage.py credentials new-key` makes one): "
    "the first encrypts, all decrypt.",
)
RECV_WINDOW = env.integer(
    "CRACKTRADER_RECV_WINDOW_MS",
    5000,
    "Milliseconds after which a venue refuses an order that was sent and has not arrived.",
    minimum=100,
    maximum=60_000,
)
ORDER_SKEW = env.integer(
    "CRACKTRADER_ORDER_SKEW_MS",
    2000,
    "Milliseconds to wait beyond that window, for clocks that differ and books that show an order "
    "late, before an order the venue does not know is taken for one it never got.",
    minimum=100,
    maximum=600_000,
)
ORDER_TIMEOUT = env.number(
    "CRACKTRADER_ORDER_TIMEOUT",
    10.0,
    "Seconds to wait for a venue's answer about an account.",
    0.1,
    600.0,
)
ORDER_POLL = env.integer(
    "CRACKTRADER_ORDER_POLL_MS",
    1000,
    "Milliseconds between two looks at orders that are open at a venue.",
    minimum=50,
    maximum=600_000,
)
RECONCILE_SECONDS = env.integer(
    "CRACKTRADER_RECONCILE_SECONDS",
    300,
    "Seconds between two comparisons of a venue's books with ours.",
    minimum=1,
    maximum=86_400,
)

# --- alerts ----------------------------------------------------------------

WEBHOOK_TIMEOUT = env.integer(
    "CRACKTRADER_WEBHOOK_TIMEOUT",
    10,
    "Seconds a webhook's receiver has to answer.",
    minimum=1,
    maximum=600,
)

# --- API -------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["cracktrader_site.api.renderers.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["cracktrader_site.api.parsers.StrictJsonParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "cracktrader_site.api.authentication.BearerKey",
        "cracktrader_site.api.authentication.StaffSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["cracktrader_site.api.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["cracktrader_site.api.throttling.counting.RateThrottle"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "cracktrader_site.api.renderers.AlwaysJson",
    "DEFAULT_SCHEMA_CLASS": "cracktrader_site.api.schema.EnvelopeSchema",
    "DEFAULT_PAGINATION_CLASS": "cracktrader_site.api.pagination.Keyset",
    "EXCEPTION_HANDLER": "cracktrader_site.api.refusals.handle",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_METADATA_CLASS": None,
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Cracktrader",
    "DESCRIPTION": (
        "Self-hosted trading desk: one contract for backtests, paper and live runs. "
        "Ratios are fractions (0.05 is 5 %), times are UTC, money is in the quote currency."
    ),
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # The schema and its pages are for everybody.
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "TAGS": [
        {"name": name}
        for name in (
            "Runs",
            "Accounts and orders",
            "Health and status",
            "Results and configuration",
        )
    ],
    "ENUM_NAME_OVERRIDES": {
        "RunnerStatusEnum": "runs.serializers.STATUSES",
        "RunStatusEnum": "runs.models.Run.Status",
        "TradeStatusEnum": "runs.serializers.TRADE_STATUSES",
        "CheckStatusEnum": "runs.serializers.CHECK_STATUSES",
        "OrderSideEnum": "runs.serializers.ORDER_SIDES",
        "PositionSideEnum": "runs.serializers.POSITION_SIDES",
        "StrategyKindEnum": "strategies.models.Strategy.Kind",
        "RunModeEnum": "runs.models.Run.Mode",
        "ManualOrderTypeEnum": "runs.trading.bodies.ORDER_TYPES",
    },
}

# --- rate limits -----------------------------------------------------------

RATE_LIMIT = env.integer(
    "CRACKTRADER_RATE_LIMIT",
    100,
    "API requests a key may make in any 60 seconds; without a key, an address. 0: no limit.",
    maximum=100_000,
)
RATE_LIMIT_BACKTEST = env.integer(
    "CRACKTRADER_RATE_LIMIT_BACKTEST",
    0,
    "Of these, requests that need the scope `backtest`. 0: no limit of their own.",
    maximum=100_000,
)
RATE_LIMIT_PAPER = env.integer(
    "CRACKTRADER_RATE_LIMIT_PAPER",
    0,
    "Of these, requests that need the scope `paper`. 0: no limit of their own.",
    maximum=100_000,
)
RATE_LIMIT_LIVE = env.integer(
    "CRACKTRADER_RATE_LIMIT_LIVE",
    0,
    "Of these, requests that need the scope `live`. 0: no limit of their own.",
    maximum=100_000,
)
RATE_LIMIT_PAGES = env.integer(
    "CRACKTRADER_RATE_LIMIT_PAGES",
    600,
    "API requests that the server's own pages may make for one user in any 60 seconds. "
    "0: no limit.",
    maximum=100_000,
)
RATE_STORE = (
    env.redis(
        "CRACKTRADER_RATE_STORE",
        "Where requests are counted, if in another Redis than REDIS_URL; without either, in a file "
        "in the home.",
    )
    or REDIS_URL
)

# --- WebSocket -------------------------------------------------------------

WS_CONNECTIONS = env.integer(
    "CRACKTRADER_WS_CONNECTIONS",
    200,
    "WebSocket connections the web server holds at a time.",
    minimum=1,
    maximum=100_000,
)
WS_HEARTBEAT_SECONDS = env.integer(
    "CRACKTRADER_WS_HEARTBEAT_SECONDS",
    15,
    "Seconds between two heartbeats to a WebSocket client.",
    minimum=1,
    maximum=3600,
)
WS_STALL_SECONDS = env.integer(
    "CRACKTRADER_WS_STALL_SECONDS",
    10,
    "Seconds after which a WebSocket client that takes nothing is cut off.",
    minimum=1,
    maximum=3600,
)

# --- admin -----------------------------------------------------------------

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

# --- metrics ---------------------------------------------------------------

METRICS_TOKEN = env.token(
    "CRACKTRADER_METRICS_TOKEN",
    "What may read /metrics besides keys with the scope `read`, as `Authorization: Bearer …`.",
)

# --- logging ---------------------------------------------------------------

LOG_LEVEL = env.choice(
    "CRACKTRADER_LOG_LEVEL",
    "INFO",
    ["DEBUG", "INFO", "WARNING", "ERROR"],
    "The least that is logged.",
)
LOG_FORMAT = env.choice(
    "CRACKTRADER_LOG_FORMAT",
    "line",
    ["line", "json"],
    "How it is logged: a line for people, or one JSON object a line.",
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "cracktrader_site.logs.OneLine",
            "format": "{asctime} {levelname} {name} [{process}] {message}",
            "style": "{",
        },
        "json": {"()": "cracktrader_site.logs.Json"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Two lines a task at INFO say nothing the run's events do not.
        "django-q": {"level": "WARNING", "handlers": ["console"], "propagate": False},
        "django": {"handlers": [], "propagate": True},
        # It would write in a form of its own.
        "uvicorn": {"level": "WARNING", "handlers": [], "propagate": True},
        "uvicorn.access": {"handlers": [], "propagate": False},
        # A refused request is the client's news, not the operator's.
        "django.request": {"level": "ERROR"},
        # ccxt prints request headers, keys included, at DEBUG.
        "ccxt": {"level": "WARNING"},
        # What it would say of logins is said in cracktrader_site.logins.
        "axes": {"level": "ERROR"},
    },
}
