"""Somebody who looks at pages in a real Chromium, and remembers all that goes wrong there."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser as Chrome
from playwright.sync_api import ConsoleMessage, Error, Page, Request, Response, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
# Long enough for a machine that does much else.
SECONDS = 60
DESKTOP, PHONE = (1280, 900), (390, 844)

# Chromium tells of most breaches on the console itself; of those in a style or a frame it does not.
_TELL_BREACHES = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`content policy: ${event.effectiveDirective} ${event.blockedURI}`));
"""
# Chromium's and htmx' words for what is judged as the answer it is.
_STATUS = re.compile(r"Failed to load resource: the server responded|Response Status Error Code")
_AWAY = re.compile(r"net::ERR_|^htmx:(sendError|afterRequest)")
_LOOPBACK = ("localhost", "127.0.0.1")


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    found = found or shutil.which("google-chrome")
    if found is None:
        message = "no chromium is installed: pages are not tested in a browser"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextmanager
def launched() -> Iterator[Chrome]:
    executable = chromium()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, in which Django would refuse its ORM.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        started = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with launched() as started:
        yield started


@dataclass
class Visitor:
    """A page that remembers what went wrong on it; `check` tells.

    Wrong is whatever the console says as a warning or an error, an exception, a breach of
    the content policy, an answer of 400 and more that is not `expected`, an answer that did
    not come, and a request that leaves this machine.
    """

    page: Page
    url: str
    pictures: str = ""
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)
    sockets: int = 0

    def __post_init__(self) -> None:
        self.page.set_default_timeout(SECONDS * 1000)
        self.page.add_init_script(_TELL_BREACHES)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("requestfailed", self._failed)
        self.page.on("websocket", self._socket)

    # --- doing -------------------------------------------------------------------------------

    def open(self, path: str) -> Page:
        answer = self.page.goto(self.url + path if path.startswith("/") else path)
        if answer is not None and answer.status:
            assert answer.ok or answer.status in self.expected, (path, answer.status)
        return self.page

    def resize(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def dress(self, *, dark: bool) -> None:
        """As the switch at the top does; what is drawn by a script follows."""
        self.page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", dark)

    def until(self, true: Callable[[], Any], what: str, seconds: float = SECONDS) -> None:
        """Asks again and again, for the content policy forbids Playwright's own way."""
        deadline = time.monotonic() + seconds
        while not self._holds(true):
            assert time.monotonic() < deadline, f"{what}: not after {seconds} s; {self.errors}"
            self.page.wait_for_timeout(50)

    def settle(self) -> None:
        """Until the parts that the page asked for are there."""
        asked = self.page.locator(".htmx-request")
        self.until(lambda: not asked.count(), "the page's parts")

    def until_drawn(self, count: int = 1) -> None:
        drawn = self.page.locator("[data-drawn] .main-svg")
        self.until(lambda: drawn.count() >= count, f"{count} charts")

    def picture(self, name: str) -> None:
        """For people to look at, in the folder CRACKTRADER_TEST_PICTURES."""
        if self.pictures:
            self.page.screenshot(path=Path(self.pictures) / f"{name}.png", full_page=True)

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """While the server is away, what the network says is no fault of the page."""
        before = len(self.errors)
        yield
        self.page.wait_for_timeout(100)
        self.errors[before:] = [one for one in self.errors[before:] if not _AWAY.search(one)]

    @staticmethod
    def _holds(true: Callable[[], Any]) -> bool:
        try:
            return bool(true())
        except Error as error:
            # The page was just replaced by another.
            if "Execution context was destroyed" in error.message:
                return False
            raise

    # --- what went wrong ---------------------------------------------------------------------

    def check(self) -> None:
        assert not self.errors, self.errors
        assert not self.foreign, self.foreign

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning") or _STATUS.match(message.text):
            return
        self.errors.append(f"{message.text} {message.location}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "file") and parts.hostname not in _LOOPBACK:
            self.foreign.append(request.url)

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.errors.append(f"{response.status} {response.request.method} {response.url}")

    def _failed(self, request: Request) -> None:
        # Aborted: by a page that was left, or for a download.
        if request.failure != "net::ERR_ABORTED":
            self.errors.append(f"{request.failure} {request.method} {request.url}")

    def _socket(self, socket: Any) -> None:
        self.sockets += 1
        if urlsplit(socket.url).hostname not in _LOOPBACK:
            self.foreign.append(socket.url)


def visit(chrome: Chrome, url: str, **options: Any) -> Visitor:
    """A browser of its own, with no cookies, at DESKTOP where nothing else is said."""
    size = options.pop("size", DESKTOP)
    context = chrome.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    return Visitor(context.new_page(), url, os.environ.get("CRACKTRADER_TEST_PICTURES", ""))
