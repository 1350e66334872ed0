import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { newIdempotencyKey, pause } from '../dist/esm/retries.js';
import { ApiError, CrackTrader, CrackTraderError } from '../dist/esm/index.js';
import { Gate } from '../dist/esm/gate.js';
import { Pace } from '../dist/esm/waiting.js';
import { answer, failure, lost, refused, scripted } from './helpers.mjs';

const STARTED = { run_id: 'r-1', status: 'starting', message: '' };

test('what is asked is asked again after a lost connection, 429 and 5xx', async () => {
  for (const trouble of [
    lost(),
    failure(503, 'X'),
    failure(429, 'RATE_LIMITED', {}, { 'Retry-After': '0' }),
  ]) {
    const { api, requests } = scripted([trouble, answer(200, { status: 'idle' })]);
    assert.equal((await api.getStatus()).status, 'idle');
    assert.equal(requests.length, 2);
  }
});

test('what is wrong is not asked again', async () => {
  for (const [status, code] of [
    [400, 'INVALID_VALUE'],
    [401, 'NOT_AUTHENTICATED'],
    [404, 'RUN_NOT_FOUND'],
  ]) {
    const { api, requests } = scripted([failure(status, code)]);
    await assert.rejects(api.getRun('r'), { status });
    assert.equal(requests.length, 1);
  }
});

test('trying again ends', async () => {
  const { api, requests } = scripted(() => lost(), { maxRetries: 2 });
  await assert.rejects(api.getStatus(), { name: 'ConnectionError', message: /other side closed/ });
  assert.equal(requests.length, 3);
});

test('a start keeps its Idempotency-Key over all its tries, and the next start has another', async () => {
  const troubles = [
    lost(),
    failure(500, 'INTERNAL_ERROR'),
    failure(400, 'IDEMPOTENCY_IN_FLIGHT', {}, { 'Retry-After': '0' }),
    failure(429, 'RATE_LIMITED', {}, { 'Retry-After': '0' }),
  ];
  const { api, requests } = scripted([...troubles, answer(200, STARTED), answer(200, STARTED)]);
  assert.deepEqual(await api.startBacktest({ strategy_name: 'TestStrategy' }), STARTED);
  assert.equal(requests.length, 5);
  const names = new Set(requests.map(({ headers }) => headers['Idempotency-Key']));
  assert.equal(names.size, 1);
  assert.match([...names][0], /^[0-9a-f]{32}$/);
  assert.ok(requests.every(({ body }) => body === requests[0].body));
  await api.startLive({});
  assert.ok(!names.has(requests[5].headers['Idempotency-Key']));
  assert.equal(JSON.parse(requests[5].body).mode, 'paper');
});

test('a start whose answer does not come in time is sent again', async () => {
  const { api, requests } = scripted(['silence', answer(200, STARTED)], { timeout: 30 });
  await api.startBacktest({});
  assert.equal(requests[0].headers['Idempotency-Key'], requests[1].headers['Idempotency-Key']);
});

test('the name a caller gives is taken; one that no header can carry is refused', async () => {
  const { api, requests } = scripted([answer(200, STARTED), answer(200, {}), answer(200, {})]);
  await api.startBacktest({}, { idempotencyKey: 'mine' });
  await api.placeOrder({ client_id: 'dip-1' });
  const names = requests.map(({ headers }) => headers['Idempotency-Key']);
  assert.deepEqual(names, ['mine', 'dip-1']);
  await assert.rejects(api.startBacktest({}, { idempotencyKey: 'é' }), {
    name: 'CrackTraderError',
  });
  assert.equal(requests.length, 2);
});

const AGAIN = {
  stopRun: (api) => api.stopRun('r'),
  killAccount: (api) => api.killAccount('a'),
  cancelOrder: (api) => api.cancelOrder('o'),
  checkStrategy: (api) => api.checkStrategy('s'),
  resolveDiscrepancy: (api) => api.resolveDiscrepancy(1, { action: 'adopt' }),
};
const ONCE = {
  resetRunner: (api) => api.resetRunner(),
  'stopRun without a run': (api) => api.stopRun(),
  releaseAccount: (api) => api.releaseAccount('a', { confirm: true }),
};

for (const [name, ask] of Object.entries(AGAIN)) {
  test(`${name} comes to the same when it is repeated, and is`, async () => {
    const { api, requests } = scripted([lost(), answer(200, {})]);
    await ask(api);
    assert.equal(requests.length, 2);
  });
}

for (const [name, ask] of Object.entries(ONCE)) {
  test(`${name} is never repeated once it was sent`, async () => {
    for (const trouble of [lost(), failure(503, 'X'), failure(429, 'CHECK_BUSY')]) {
      const { api, requests } = scripted([trouble]);
      await assert.rejects(ask(api));
      assert.equal(requests.length, 1);
    }
  });

  test(`${name} is sent again when it never was, or a limit refused it`, async () => {
    const limited = failure(429, 'RATE_LIMITED', {}, { 'Retry-After': '0' });
    const { api, requests } = scripted([refused(), limited, answer(200, {})]);
    await ask(api);
    assert.equal(requests.length, 3);
  });
}

test('what a limit refuses is no failed try', async () => {
  const limited = () => failure(429, 'RATE_LIMITED', {}, { 'Retry-After': '0.01' });
  const { api, requests } = scripted((n) => (n < 3 ? limited() : answer(200, {})), {
    maxRetries: 0,
  });
  await api.getStatus();
  assert.equal(requests.length, 3);
});

test('after a refusal no call of the client asks before its time', async () => {
  const times = [];
  const began = Date.now();
  const { api } = scripted((n) => {
    times.push(Date.now() - began);
    const headers = { 'X-RateLimit-Limit': '6000', 'X-RateLimit-Remaining': '5' };
    if (n > 1) return answer(200, {}, headers);
    return failure(429, 'RATE_LIMITED', {}, { ...headers, 'Retry-After': '0.3' });
  });
  const first = api.getStatus();
  await new Promise((resolve) => setTimeout(resolve, 30));
  await Promise.all([first, ...Array.from({ length: 5 }, () => api.getStatus())]);
  assert.equal(times.length, 7);
  assert.ok(times.slice(1).every((time) => time >= 295), String(times));
  // One by one, as often as the limit allows.
  assert.ok(times[6] - times[1] >= 40, String(times));
});

test('a limit is waited for as long as the caller has time', async () => {
  const limited = () => failure(429, 'RATE_LIMITED', {}, { 'Retry-After': '7' });
  for (const options of [{ rateLimitWait: 0 }, { rateLimitWait: 6 }]) {
    const { api, requests } = scripted(limited, options);
    await assert.rejects(api.getStatus(), { name: 'RateLimitedError', retryAfter: 7 });
    // The next call knows already.
    await assert.rejects(api.getRun('r'), ({ retryAfter }) => retryAfter > 6 && retryAfter < 9);
    assert.equal(requests.length, 1);
  }
});

test('waiting for a run waits out every limit, and its errors name the run', async () => {
  const { api } = scripted(
    (n) =>
      n === 1
        ? answer(200, STARTED)
        : failure(429, 'RATE_LIMITED', {}, { 'Retry-After': n === 2 ? '0.01' : '60' }),
    { rateLimitWait: 0 },
  );
  await assert.rejects(api.runBacktest({}, { timeout: 600 }), {
    name: 'TimeoutError',
    runId: 'r-1',
  });
  const broken = scripted([answer(200, STARTED), failure(500, 'INTERNAL_ERROR')], { maxRetries: 0 });
  await assert.rejects(broken.api.runBacktest({}), { name: 'ServerError', runId: 'r-1' });
});

test('the pauses grow, differ, are bounded, and obey Retry-After', () => {
  const asked = (seconds) =>
    new ApiError({ status: 429, code: 'X', message: '', retryAfter: seconds });
  assert.equal(
    pause(0, undefined, () => 1),
    250,
  );
  assert.equal(
    pause(0, undefined, () => 0),
    125,
  );
  assert.equal(
    pause(3, undefined, () => 1),
    2_000,
  );
  assert.equal(
    pause(50, undefined, () => 1),
    8_000,
  );
  assert.equal(
    pause(0, asked(10), () => 0),
    10_000,
  );
});

test('a time-out is an error of its own', async () => {
  const { api } = scripted(['silence'], { timeout: 20, maxRetries: 0 });
  await assert.rejects(api.getStatus(), { name: 'TimeoutError', message: /0.02 s/ });
});

test('a body that never ends is a time-out too', async () => {
  const server = createServer((_, response) => response.writeHead(200).write('{"status"'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  const api = new CrackTrader({ baseUrl, timeout: 100, maxRetries: 0 });
  await assert.rejects(api.getStatus(), { name: 'TimeoutError' });
  server.closeAllConnections();
  server.close();
});

test('an abort ends a request, and the pause before the next, with its reason', async () => {
  for (const answers of [['silence'], [failure(429, 'RATE_LIMITED', {}, { 'Retry-After': '30' })]]) {
    const { api, requests } = scripted(answers);
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 30);
    await assert.rejects(api.getStatus(undefined, { signal: controller.signal }), {
      message: 'enough',
    });
    assert.equal(requests.length, 1);
  }
  const { api, requests } = scripted(['silence']);
  await assert.rejects(api.getStatus(undefined, { signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
  assert.equal(requests.length, 1);
});

test('names of starts differ', () => {
  const names = Array.from({ length: 1_000 }, newIdempotencyKey);
  assert.equal(new Set(names).size, 1_000);
});

function looksIn(pace, ms) {
  let looks = 0;
  for (let spent = 0; spent < ms; looks += 1) spent += pace.pause(looks);
  return looks;
}

test('a run is looked at soon, then ever more seldom, and the slower the more there are', () => {
  const pace = new Pace(new Gate());
  pace.begin();
  assert.equal(pace.pause(0), 100);
  assert.ok(looksIn(pace, 60_000) < 45, String(looksIn(pace, 60_000)));
  for (let n = 1; n < 30; n += 1) pace.begin();
  assert.ok(pace.pause(0) >= 3_000);
  assert.ok(looksIn(pace, 60_000) <= 5, String(looksIn(pace, 60_000)));
});

test('a run is looked at first when the last ones would have been over', () => {
  const pace = new Pace(new Gate());
  for (let n = 0; n < 5; n += 1) pace.learn(400);
  assert.ok(pace.pause(0) > 400 && pace.pause(0) < 500);
});

test('when few requests are left they are spared', () => {
  const gate = new Gate();
  const pace = new Pace(gate);
  const reset = String(Math.ceil(Date.now() / 1000) + 60);
  const hear = (left) =>
    gate.hear(
      new Headers({
        'X-RateLimit-Limit': '100',
        'X-RateLimit-Remaining': String(left),
        'X-RateLimit-Reset': reset,
      }),
    );
  hear(60);
  assert.equal(pace.pause(0), 100);
  hear(3);
  assert.ok(pace.pause(0) > 5_000);
});

test('a backtest takes three requests, and its tables are fetched when they are wanted', async () => {
  const run = { run_id: 'r-1', status: 'completed', progress: 1 };
  const results = {
    run_id: 'r-1', trades: [1], trades_total: 2, orders: [], orders_total: 0,
    equity_curve: [1], warnings: ['ROWS_CUT: some', 'other'],
  };
  const { api, requests } = scripted((n) => answer(200, [STARTED, run, results][n - 1]));
  assert.deepEqual(await api.runBacktest({}), results);
  assert.equal(requests.length, 3);
  const pages = [
    results,
    { trades: [1, 2], next_cursor: null },
    { equity: [1], next_cursor: 'c' },
    { equity: [2], next_cursor: null },
  ];
  const whole = { ...results, trades: [1, 2], equity_curve: [1, 2], warnings: ['other'] };
  const other = scripted((n) => answer(200, pages[n - 1]));
  assert.deepEqual(await other.api.loadResults('r-1', { tables: true }), whole);
  const third = scripted((n) => answer(200, pages[n]));
  assert.deepEqual(await third.api.loadTables(results), whole);
});

test('numbers and dates that are none are refused by name; days and Dates are times', async () => {
  const { api, requests } = scripted(() => answer(200, STARTED));
  for (const [ask, named] of [
    [() => api.startBacktest({ strategy_params: { fast: [1, NaN] } }), /strategy_params.fast\[1\]/],
    [() => api.startBacktest({ fee: Infinity }), /fee/],
    [() => api.startBacktest({ start_date: new Date('x') }), /start_date/],
    [() => api.listRuns({ limit: NaN }), /limit/],
  ]) {
    await assert.rejects(ask(), (error) => {
      return error instanceof CrackTraderError && named.test(error.message);
    });
  }
  assert.equal(requests.length, 0);
  await api.startBacktest({ start_date: '2024-01-01', end_date: new Date(Date.UTC(2024, 1, 1)) });
  await api.startLive({ replay: { start_date: '2024-01-01', end_date: '2024-01-02T00:00:00Z' } });
  const [backtest, { replay }] = requests.map(({ body }) => JSON.parse(body));
  assert.deepEqual(backtest, {
    start_date: '2024-01-01T00:00:00Z',
    end_date: '2024-02-01T00:00:00.000Z',
  });
  assert.deepEqual(replay, {
    start_date: '2024-01-01T00:00:00Z',
    end_date: '2024-01-02T00:00:00Z',
  });
});

test('waiting for a run ends with its time and with its signal, and shows how far the run is', async () => {
  const run = { run_id: 'r-1', status: 'running', progress: 0.5 };
  const told = [];
  const { api } = scripted(() => answer(200, run));
  const onProgress = (progress) => told.push(progress);
  await assert.rejects(api.waitForRun('r-1', { timeout: 50, onProgress }), {
    name: 'TimeoutError',
    message: /r-1/,
    runId: 'r-1',
  });
  assert.deepEqual(told[0], { run_id: 'r-1', status: 'running', fraction: 0.5 });
  const signal = AbortSignal.timeout(30);
  await assert.rejects(api.waitForRun('r-1', { signal }), { name: 'TimeoutError', code: 23 });
});
