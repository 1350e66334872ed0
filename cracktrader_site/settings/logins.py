"""Staff in a browser: cookies, sessions, failed logins, passwords."""

from datetime import timedelta

from cracktrader_site import env

from .access import SECURE_PROXY

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
