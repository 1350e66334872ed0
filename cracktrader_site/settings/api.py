"""The API: its classes and schema, rate limits, WebSocket."""

from cracktrader_site import env

from .storage import REDIS_URL

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
