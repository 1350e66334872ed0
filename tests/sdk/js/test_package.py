"""What needs no desk: the package's own tests, its tarball, its types for both kinds of modules."""

from __future__ import annotations

import json
import re
import tarfile

from . import package

CONSUMER = """
import CrackTrader, { CrackTrader as Named, ErrorCode, ApiError } from 'cracktrader-js';
import type { BacktestRequest, ResultsResponse, StreamEvent } from 'cracktrader-js';

const request: BacktestRequest = {
  strategy_name: 'TestStrategy', symbols: ['BTC/USDT'], timeframe: '1h', exchange: 'simulated',
};
export async function main(): Promise<number> {
  const api: Named = new CrackTrader({ apiKey: 'k', fetch, WebSocket });
  const results: ResultsResponse = await api.runBacktest(request, {
    onProgress: ({ fraction }) => fraction.toFixed(2),
  });
  for await (const event of api.streamEvents({ runId: results.run_id })) {
    const told: StreamEvent = event;
    if (told.channel === 'orders') told.data.order_id.trim();
  }
  try {
    await api.getBalance();
  } catch (error) {
    if (error instanceof ApiError && error.code === ErrorCode.RATE_LIMITED) return error.status;
  }
  // @ts-expect-error: a request has the wire's names
  await api.startBacktest({ ...request, strategyName: 'x' });
  const { run_id } = await api.startBacktest({
    ...request, start_date: new Date(0), end_date: '2024-01-01',
  });
  const whole = await api.loadResults(run_id, { tables: true });
  return whole.trades[0]!.pnl;
}
"""


def test_the_packages_own_tests_pass():
    run = package.run(package.NODE, "--test", "--test-timeout=20000", "test/*.test.mjs", seconds=90)
    assert int(re.search(r"tests (\d+)", run)[1]) > 40


def test_a_strict_consumer_compiles_in_both_kinds_of_modules(consumer):
    for kind in ("module", "commonjs"):
        (consumer / kind).mkdir()
        (consumer / kind / "package.json").write_text(json.dumps({"type": kind}))
        (consumer / kind / "main.ts").write_text(CONSUMER)
    tsc = [package.NODE, str(package.TSC), "--strict", "--target", "es2022"]
    package.run(*tsc, "--module", "nodenext", "module/main.ts", "commonjs/main.ts", cwd=consumer)
    assert "require(" in (consumer / "commonjs" / "main.js").read_text()
    assert "require(" not in (consumer / "module" / "main.js").read_text()


def test_the_readmes_samples_compile_strictly(consumer):
    readme = (package.PACKAGE / "README.md").read_text()
    samples = re.findall(r"^```js\n(.*?)^```", readme, re.S | re.M)
    folder = consumer / "samples"
    folder.mkdir()
    # Of Node's types only what they use.
    (folder / "node.d.ts").write_text(
        "declare const process: { env: Record<string, string | undefined> };\n"
        "declare function require(name: 'cracktrader-js'): typeof import('cracktrader-js');\n"
    )
    (folder / "package.json").write_text(json.dumps({"type": "module"}))
    for number, sample in enumerate(samples):
        (folder / f"{number}.ts").write_text(sample + "\nexport {};\n")
    files = ["node.d.ts", *(f"{number}.ts" for number in range(len(samples)))]
    tsc = [package.NODE, str(package.TSC), "--strict", "--noEmit", "--target", "es2022"]
    package.run(*tsc, "--module", "nodenext", *files, cwd=folder)


def test_the_tarball_holds_what_is_needed_and_no_more(tarball):
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
        found = json.load(packed.extractfile("package/package.json"))
    beside = {name for name in names if not name.startswith("dist/")}
    assert beside == {"package.json", "README.md", "LICENSE"}
    assert all(name.endswith((".js", ".d.ts", "package.json")) for name in names - beside)
    assert found.get("dependencies", {}) == {}


def test_nothing_a_browser_loads_is_of_node_alone():
    for file in (package.PACKAGE / "dist" / "esm").glob("*.js"):
        imported = re.findall(r"^(?:im|ex)port .*'([^']+)';$", file.read_text(), re.M)
        assert "require(" not in file.read_text()
        assert all(name.startswith("./") for name in imported), file


def test_the_lock_names_no_registry():
    for name in ("package-lock.json", ".npmrc", "package.json"):
        assert "registry." not in (package.PACKAGE / name).read_text()
    assert '"resolved"' not in (package.PACKAGE / "package-lock.json").read_text()
