"""What browsers are told: of other sites' pages, content, frames, HTTPS."""

from cracktrader_site import content_policy, env

from .access import SECURE_PROXY

CORS_ALLOWED_ORIGINS = env.names(
    "CRACKTRADER_CORS_ORIGINS",
    [],
    "Other sites' origins, e.g. https://app.example, whose pages may use the API with a key.",
)
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
