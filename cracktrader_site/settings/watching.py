"""What those who look after the server are told: alerts, metrics, logs."""

from cracktrader_site import env

WEBHOOK_TIMEOUT = env.integer(
    "CRACKTRADER_WEBHOOK_TIMEOUT",
    10,
    "Seconds a webhook's receiver has to answer.",
    minimum=1,
    maximum=600,
)

METRICS_TOKEN = env.token(
    "CRACKTRADER_METRICS_TOKEN",
    "What may read /metrics besides keys with the scope `read`, as `Authorization: Bearer …`.",
)

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
