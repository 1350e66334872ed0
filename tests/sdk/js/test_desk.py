"""The packed package in an empty folder, against a whole desk that wants keys."""

from __future__ import annotations

import http.server
import json
import re
import subprocess
import sys
import threading
from functools import partial

import httpx
import pytest

from tests.desk import ROOT, Desk, free_port

from . import package

pytestmark = pytest.mark.process

README = (package.PACKAGE / "README.md").read_text()
SAMPLES = re.findall(r"^```js\n(.*?)^```", README, re.S | re.M)
[PAGE] = re.findall(r"^```html\n(.*?)^```", README, re.S | re.M)
REFERENCE = """
import CrackTrader from 'cracktrader-js';

const api = new CrackTrader({apiKey: 'your_key'});
const balance = await api.getBalance();
console.log(JSON.stringify(balance));
"""
WHOLE = """
import CrackTrader from 'cracktrader-js';

const api = new CrackTrader({apiKey: 'your_key'});
const progress = [];
const results = await api.runBacktest({
  strategy_name: 'TestStrategy', symbols: ['BTC/USDT'], timeframe: '1h', exchange: 'simulated',
  start_date: '2023-01-01T00:00:00Z', end_date: '2023-04-01T00:00:00Z',
}, {onProgress: (told) => progress.push(told), timeout: 60_000, tables: true});
const file = await api.downloadArtifact(results.run_id, 'trades');
const tables = [];
for (const rows of [
  api.iterateTrades(results.run_id, {limit: 3}), api.iterateEvents(results.run_id, 0, {limit: 2}),
]) {
  tables.push(0);
  for await (const row of rows) tables[tables.length - 1] += 1;
}
const {points, total} = {
  points: results.equity_curve.length, total: (await api.getEquity(results.run_id)).total,
};
const magic = new TextDecoder().decode(file.slice(0, 4));
const last = progress.at(-1);
console.log(JSON.stringify({points, total, magic, last, tables, trades: results.trades_total}));
"""


@pytest.fixture(scope="module")
def origin():
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def desk(tmp_path_factory, origin):
    home = tmp_path_factory.mktemp("js") / "home"
    with Desk(home, CRACKTRADER_AUTH="1", CRACKTRADER_CORS_ORIGINS=origin) as desk:
        yield desk


@pytest.fixture(scope="module")
def key(desk):
    command = [sys.executable, str(ROOT / "manage.py"), "create_key", "js", "--quiet"]
    command += ["--scopes", "read,backtest,paper"]
    made = subprocess.run(command, env=desk.env, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture(scope="module")
def sample(desk, key, consumer):
    """Runs a program in the consumer's folder; what it printed."""

    def run(code, kind="mjs"):
        file = consumer / f"sample.{kind}"
        file.write_text(code.replace("your_key", key))
        url = desk.url.removesuffix("/api/v1")
        return package.run(package.NODE, file.name, cwd=consumer, seconds=60, CRACKTRADER_URL=url)

    return run


def test_the_references_sample_runs_in_both_kinds_of_modules(sample):
    assert json.loads(sample(REFERENCE))["balances"] == []
    common = REFERENCE.replace(
        "import CrackTrader from 'cracktrader-js';",
        "const CrackTrader = require('cracktrader-js').default; (async () => {",
    )
    assert json.loads(sample(common + "})();", "cjs"))["balances"] == []


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_the_readmes_samples_run_as_they_stand(sample, number):
    code = SAMPLES[number]
    printed = sample(code, "cjs" if "require(" in code else "mjs")
    assert printed.strip() or "iterateRuns" in code
    if "INVALID_SYMBOL" in code:
        assert printed.startswith("400 ")


def test_a_backtest_comes_with_all_its_points_rows_and_files(sample):
    found = json.loads(sample(WHOLE))
    assert found["points"] == found["total"] == 2160
    assert found["tables"][0] == found["trades"] > 3
    assert found["tables"][1] >= 3
    assert found["magic"] == "PAR1"
    assert found["last"]["fraction"] == 1
    assert found["last"]["status"] == "completed"


def test_a_start_whose_answers_are_lost_makes_one_run(desk, key):
    headers = {"Authorization": f"Bearer {key}"}

    def runs():
        answer = httpx.get(f"{desk.url}/runs", headers=headers, params={"limit": 500})
        return {run["run_id"] for run in answer.json()["runs"]}

    before = runs()
    found = package.node("lost_answers.mjs", str(desk.port), "3", CRACKTRADER_API_KEY=key)
    assert found["lost"] == 3
    assert found["status"] == "completed"
    assert runs() - before == {found["run_id"]}


def test_a_wrong_key_is_an_error_that_does_not_show_it(sample):
    code = REFERENCE.replace("your_key", "ct_000000000000_" + "S3cret" * 7 + "x")
    with pytest.raises(AssertionError, match="UnauthorizedError") as caught:
        sample(code)
    assert "S3cret" not in str(caught.value)
    streamed = code.replace("await api.getBalance()", "await api.streamEvents().next()")
    with pytest.raises(AssertionError, match="NOT_AUTHENTICATED"):
        sample(streamed)


@pytest.mark.browser
def test_a_page_of_another_origin_runs_a_backtest_and_follows_it(desk, key, consumer, origin):
    from playwright.sync_api import sync_playwright

    from tests.ui.browser import FLAGS, chromium

    executable = chromium()
    html = PAGE.replace("your_key", key)
    html = html.replace("http://127.0.0.1:8000", desk.url.removesuffix("/api/v1"))
    (consumer / "index.html").write_text(f"<!doctype html><link rel=icon href=data:,>{html}")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    address = ("127.0.0.1", int(origin.rpartition(":")[2]))
    pages = http.server.ThreadingHTTPServer(address, partial(Quiet, directory=str(consumer)))
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            chrome = playwright.chromium.launch(executable_path=executable, args=FLAGS)
            page = chrome.new_page()
            said = []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(f"{origin}/index.html")
            page.wait_for_function("document.title === 'completed'", timeout=30_000)
            told = page.inner_text("body")
            chrome.close()
    finally:
        pages.shutdown()
        pages.server_close()
    assert said == []
    events = re.findall(r"(\d+) (\w+)", told)
    assert [int(seq) for seq, _ in events] == sorted(int(seq) for seq, _ in events)
    assert events[0] == ("1", "status")
    assert len(events) >= 3
