"""charts.js in a real browser, under the desk's content policy; the server is played."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser as Chrome
from playwright.sync_api import BrowserContext

from cracktrader_site.content_policy import PAGES
from runs import plotly_js, report
from tests.ui.browser import Visitor, chrome  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POLICY = "; ".join(f"{name} {' '.join(sources)}" for name, sources in PAGES.items())
CHART = '<div id="{id}" class="chart" data-figure="/{id}.json" {more}></div>'
PAGE = """<!DOCTYPE html><html lang="en"><head><title>Charts</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css">
<script src="/sketch.js" defer></script>
<script src="/charts.js" data-plotly="/plotly.js" defer></script></head>
<body><main>{body}</main></body></html>"""
STYLE = ".chart { height: 300px } .far { margin-top: 3000px }"
DAY = 86_400_000
T0 = 1_704_067_200_000


class Played:
    """A server of one page and its figures: what it was asked, what it answers."""

    def __init__(self) -> None:
        self.body = ""
        self.asked: list[str] = []
        self.broken: set[str] = set()
        self.empty: set[str] = set()
        self.files = {
            "/page.css": ("text/css", STYLE.encode()),
            "/sketch.js": ("text/javascript", (report._STATIC / "sketch.js").read_bytes()),
            "/charts.js": ("text/javascript", (report._STATIC / "charts.js").read_bytes()),
            "/plotly.js": ("text/javascript", plotly_js.path().read_bytes()),
        }

    def answer(self, path: str, query: str) -> tuple[int, str, bytes]:
        if path == "/":
            return 200, "text/html", PAGE.format(body=self.body).encode()
        if path in self.files:
            return 200, *self.files[path]
        self.asked.append(f"{path}?{query}" if query else path)
        if path in self.broken:
            told = {"code": "ARTIFACT_NOT_FOUND", "message": "The run's files are missing"}
            return 404, "application/json", json.dumps(told).encode()
        drawn = figure(parse_qs(query), path in self.empty)
        return 200, "application/json", json.dumps(drawn).encode()

    def count(self, path: str) -> int:
        return sum(one.startswith(path) for one in self.asked)


class Handler(BaseHTTPRequestHandler):
    played: Played

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        status, kind, content = self.played.answer(url.path, url.query)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", POLICY)
        if url.path == "/plotly.js":
            self.send_header("Cache-Control", "public, max-age=3600, immutable")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Not to the terminal."""


def figure(query: dict[str, list[str]], empty: bool = False) -> dict[str, Any]:
    start = int(query.get("from", [T0])[0])
    end = int(query.get("to", [T0 + 100 * DAY])[0])
    x = [] if empty else [start + (end - start) * i // 100 for i in range(101)]
    name = query.get("symbol", ["Equity"])[0]
    return {
        "data": [{"type": "scatter", "mode": "lines", "name": name, "x": x, "y": [*range(len(x))]}],
        "layout": {
            "margin": {"l": 70, "r": 20, "t": 10, "b": 55},
            "xaxis": {"type": "date"},
            "yaxis": {},
            "meta": {"text": "From 0 to 100."},
        },
    }


@pytest.fixture(scope="module")
def window(chrome: Chrome) -> Iterator[tuple[BrowserContext, str]]:  # noqa: F811
    """Tabs that share what they have loaded, and the server's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    context = chrome.new_context(viewport={"width": 1000, "height": 700})
    yield context, f"http://127.0.0.1:{server.server_port}"
    context.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def server() -> Played:
    Handler.played = Played()
    return Handler.played


@pytest.fixture
def visitor(window: tuple[BrowserContext, str], server: Played) -> Iterator[Visitor]:
    context, url = window
    page = context.new_page()
    yield Visitor(page, url)
    page.close()


def opened(visitor: Visitor, *charts: str) -> Played:
    server = Handler.played
    server.body = "".join(charts)
    visitor.open("/")
    return server


def chart(id: str, more: str = "") -> str:
    return CHART.format(id=id, more=more)


def drawn(visitor: Visitor, id: str = "a", least: int = 1) -> None:
    ask = f"Number(document.getElementById('{id}').dataset.drawn || 0) >= {least}"
    visitor.until(lambda: visitor.page.evaluate(ask), f"{id} drawn {least} times")


def attribute(visitor: Visitor, name: str) -> str | None:
    return visitor.page.locator("#a").get_attribute(name)


def points(visitor: Visitor) -> list[int]:
    return visitor.page.evaluate("document.getElementById('a').figure.data[0].x")


def test_a_chart_out_of_view_is_not_asked_for_until_it_is_scrolled_to(visitor):
    server = opened(visitor, chart("a"), chart("b").replace("chart", "chart far"))
    drawn(visitor)
    visitor.page.wait_for_timeout(200)
    assert server.asked == ["/a.json"]
    visitor.page.locator("#b").scroll_into_view_if_needed()
    drawn(visitor, "b")
    assert server.asked == ["/a.json", "/b.json"]
    visitor.errors = [error for error in visitor.errors if "inline" not in error]
    visitor.check()


def test_it_says_what_it_shows_and_hides_its_drawing_from_readers(visitor):
    opened(visitor, chart("a", 'data-label="Equity" data-zoom'))
    drawn(visitor)
    assert attribute(visitor, "role") == "figure"
    label = attribute(visitor, "aria-label") or ""
    assert label.startswith("Equity. From 0 to 100. Arrow keys")
    shown = visitor.page.locator("#a svg.main-svg:not([aria-hidden=true])")
    assert shown.count() == 0
    visitor.check()


def test_zoomed_by_mouse_or_keys_the_stretch_is_asked_for_again_finer(visitor):
    server = opened(visitor, chart("a", "data-zoom"))
    drawn(visitor)
    visitor.page.locator("#a").press("+")
    drawn(visitor, least=2)
    first, last = points(visitor)[0], points(visitor)[-1]
    assert T0 < first < last < T0 + 100 * DAY
    assert server.asked[-1] == f"/a.json?from={first}&to={last}"
    visitor.page.locator("#a").press("ArrowRight")
    drawn(visitor, least=3)
    assert points(visitor)[0] > first
    visitor.page.locator("#a").press("0")
    drawn(visitor, least=4)
    assert server.asked[-1] == "/a.json"
    box = visitor.page.locator("#a .nsewdrag").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    visitor.page.mouse.move(box["x"] + box["width"] * 0.25, y)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + box["width"] * 0.75, y, steps=5)
    visitor.page.mouse.up()
    drawn(visitor, least=5)
    assert points(visitor)[0] > T0 + 20 * DAY
    visitor.check()


def test_a_run_that_moves_is_drawn_again_and_not_too_often(visitor):
    server = opened(visitor, chart("a"))
    drawn(visitor)
    tell = "runs => document.dispatchEvent(new CustomEvent('run:moved', {detail: {runs}}))"
    for _ in range(20):
        visitor.page.evaluate(tell, ["*"])
    drawn(visitor, least=2)
    visitor.page.evaluate(tell, ["0279181a-another-run"])
    visitor.page.wait_for_timeout(1700)
    assert server.count("/a.json") == 2
    visitor.check()


def test_while_the_reader_has_zoomed_in_nothing_moves(visitor):
    server = opened(visitor, chart("a", "data-zoom"))
    drawn(visitor)
    visitor.page.locator("#a").press("+")
    drawn(visitor, least=2)
    visitor.page.evaluate("document.dispatchEvent(new Event('run:moved'))")
    visitor.page.wait_for_timeout(1700)
    assert server.count("/a.json") == 2


def test_what_could_not_be_drawn_says_why_and_can_be_tried_again(visitor, server):
    visitor.expected = {404}
    server.broken.add("/a.json")
    opened(visitor, chart("a", 'data-label="Equity"'))
    visitor.page.locator("#a .chart-retry").wait_for()
    assert "The run's files are missing" in (attribute(visitor, "data-failed") or "")
    assert "The run's files are missing" in (attribute(visitor, "aria-label") or "")
    server.broken.clear()
    visitor.page.get_by_role("button", name="Try again").click()
    drawn(visitor)
    assert attribute(visitor, "data-failed") is None
    assert visitor.page.locator(".chart-retry").count() == 0
    visitor.check()


def test_an_empty_figure_says_what_the_page_says_of_it(visitor, server):
    server.empty.add("/a.json")
    opened(visitor, chart("a", 'data-empty="No bar yet."'))
    visitor.until(lambda: attribute(visitor, "data-failed") == "No bar yet.", "empty")
    server.empty.clear()
    visitor.page.evaluate("document.dispatchEvent(new Event('run:moved'))")
    drawn(visitor)
    assert attribute(visitor, "data-failed") is None
    visitor.check()


def test_charts_that_come_later_are_drawn_and_those_that_go_are_let_go(visitor):
    opened(visitor, chart("a"))
    drawn(visitor)
    visitor.page.evaluate(
        """() => {
          window.gone = document.getElementById("a");
          const chart = document.createElement("div");
          Object.assign(chart, { id: "b", className: "chart" });
          chart.dataset.figure = "/b.json";
          gone.replaceWith(chart);
          document.dispatchEvent(new Event("htmx:afterSettle"));
        }"""
    )
    drawn(visitor, "b")
    assert visitor.page.evaluate("window.gone._fullLayout === undefined")
    visitor.page.evaluate("document.dispatchEvent(new Event('run:moved'))")
    visitor.page.wait_for_timeout(300)
    visitor.check()


def test_lines_are_there_before_plotly_is(visitor):
    held: list[Any] = []
    visitor.page.route("**/plotly.js", lambda route: held.append(route))
    opened(visitor, chart("a"))
    visitor.until(lambda: attribute(visitor, "data-sketched") == "", "sketched")
    sketch = visitor.page.locator("#a > svg.chart-sketch")
    drawn_to = sketch.bounding_box()
    path = sketch.locator("path").get_attribute("d") or ""
    assert path.count("L") == 100
    assert sketch.locator("text").all_text_contents() == ["100", "0", "2024-01-01", "2024-04-10"]
    assert attribute(visitor, "data-drawn") is None
    for route in held:
        route.continue_()
    drawn(visitor)
    assert sketch.count() == 0
    chart_box = visitor.page.locator("#a .main-svg").first.bounding_box()
    assert drawn_to is not None
    assert chart_box is not None
    assert drawn_to["width"] == pytest.approx(chart_box["width"], abs=1)
    visitor.check()


def test_a_line_is_broken_where_nothing_is_known(visitor):
    visitor.page.route("**/plotly.js", lambda route: None)
    body = figure({})
    body["data"][0]["y"][50] = None
    inline = f'<script type="application/json" id="f">{json.dumps(body)}</script>'
    opened(visitor, chart("a").replace("/a.json", "#f"), inline)
    visitor.until(lambda: attribute(visitor, "data-sketched") == "", "sketched")
    path = visitor.page.locator("#a path").get_attribute("d") or ""
    assert (path.count("M"), path.count("L")) == (2, 98)


def test_another_symbol_is_asked_for_by_its_name(visitor):
    select = (
        '<select data-figure-symbol="a" aria-label="Symbol">'
        "<option>BTC/USDT</option><option>ETH/USDT</option></select>"
    )
    server = opened(visitor, select, chart("a", 'data-symbol="BTC/USDT"'))
    drawn(visitor)
    visitor.page.select_option("select", "ETH/USDT")
    drawn(visitor, least=2)
    assert server.asked == ["/a.json?symbol=BTC%2FUSDT", "/a.json?symbol=ETH%2FUSDT"]
    visitor.check()


def test_it_follows_the_pages_theme_and_width(visitor):
    opened(visitor, chart("a"))
    drawn(visitor)
    colour = "document.getElementById('a').layout.font.color"
    visitor.dress(dark=True)
    visitor.until(lambda: visitor.page.evaluate(colour) == "#d1d5db", "dark")
    visitor.dress(dark=False)
    visitor.until(lambda: visitor.page.evaluate(colour) == "#374151", "light")
    visitor.resize((390, 700))
    width = "document.querySelector('#a .main-svg').getBoundingClientRect().width"
    visitor.until(lambda: visitor.page.evaluate(width) < 390, "narrower")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.check()


def test_a_chart_in_a_hidden_part_waits_until_that_is_shown(visitor):
    server = opened(visitor, f'<div id="tab" hidden>{chart("a")}</div>')
    visitor.page.wait_for_timeout(300)
    assert server.asked == []
    visitor.page.evaluate("document.getElementById('tab').hidden = false")
    drawn(visitor)
    visitor.check()


def test_on_paper_it_is_light_and_fits(visitor):
    opened(visitor, chart("a"))
    drawn(visitor)
    visitor.dress(dark=True)
    visitor.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    seen = "(({layout}) => [layout.width, layout.font.color])(document.getElementById('a'))"
    assert visitor.page.evaluate(seen) == [690, "#374151"]
    visitor.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert visitor.page.evaluate("document.getElementById('a').layout.font.color") == "#d1d5db"


def test_figures_within_the_page_need_no_server(visitor):
    text = json.dumps(figure({}))
    inline = f'<script type="application/json" id="f">{text}</script>'
    server = opened(visitor, chart("a").replace("/a.json", "#f"), inline)
    drawn(visitor)
    assert server.asked == []
    visitor.check()
