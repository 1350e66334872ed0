"""What pages may load, and from where: nothing but this server."""

from __future__ import annotations

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

# An answer that is no page needs nothing, should a browser take it for one.
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")
)

PAGES: dict[str, list[str]] = {
    "default-src": [NONE],
    "script-src": [SELF],
    # plotly, htmx and the schema's pages bring style sheets as they run.
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "object-src": [NONE],
    "base-uri": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}
# The admin's theme states what its buttons do in attributes, which Alpine compiles.
ADMIN = {"script-src": [SELF, UNSAFE_EVAL]}
