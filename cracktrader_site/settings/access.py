"""Who may ask, over what, and at which address: keys, hosts, proxies, TLS, bodies."""

from ipaddress import ip_network

from cracktrader_site import env, secret

from .places import CRACKTRADER_HOME

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
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer(
    "CRACKTRADER_MAX_BODY_BYTES",
    1_048_576,
    "Largest request body accepted.",
    minimum=1024,
    maximum=104_857_600,
)
DEFAULT_EXCEPTION_REPORTER_FILTER = "cracktrader_site.hiding.AlwaysHiding"
