import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { newIdempotencyKey, pause } from '../dist/esm/retries.js';
import { ApiError, CrackTrader } from '../dist/esm/index.js';
import { pollPause } from '../dist/esm/waiting.js';
import { answer, failure, lost, scripted } from './helpers.mjs';

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
  resetRunner: (api) => api.resetRunner(),
  killAccount: (api) => api.killAccount('a'),
  cancelOrder: (api) => api.cancelOrder('o'),
  checkStrategy: (api) => api.checkStrategy('s'),
  resolveDiscrepancy: (api) => api.resolveDiscrepancy(1, { action: 'adopt' }),
};
const ONCE = {
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
  test(`${name} is never repeated`, async () => {
    for (const trouble of [
      lost(),
      failure(503, 'X'),
      failure(429, 'RATE_LIMITED', {}, { 'Retry-After': '0' }),
    ]) {
      const { api, requests } = scripted([trouble]);
      await assert.rejects(ask(api));
      assert.equal(requests.length, 1);
    }
  });
}

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
  assert.equal(
    pause(0, asked(61), () => 0),
    null,
  );
});

test('a server that wants to be left alone for longer than a minute is not waited for', async () => {
  const { api, requests } = scripted([failure(429, 'RATE_LIMITED', {}, { 'Retry-After': '61' })]);
  await assert.rejects(api.getStatus(), { retryAfter: 61 });
  assert.equal(requests.length, 1);
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
  for (const answers of [['silence'], [failure(429, 'X', {}, { 'Retry-After': '30' })]]) {
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

test('waiting for a run takes a small part of the requests that a minute has', () => {
  let spent = 0;
  let polls = 0;
  for (; spent < 60_000; polls += 1) spent += pollPause(polls);
  assert.equal(pollPause(0), 100);
  assert.ok(polls < 45, String(polls));
});

test('waiting for a run ends with its time and with its signal, and shows how far the run is', async () => {
  const run = { run_id: 'r-1', status: 'running', progress: 0.5 };
  const told = [];
  const { api } = scripted(() => answer(200, run));
  const onProgress = (progress) => told.push(progress);
  await assert.rejects(api.waitForRun('r-1', { timeout: 50, onProgress }), {
    name: 'TimeoutError',
    message: /r-1/,
  });
  assert.deepEqual(told[0], { run_id: 'r-1', status: 'running', fraction: 0.5 });
  const signal = AbortSignal.timeout(30);
  await assert.rejects(api.waitForRun('r-1', { signal }), { name: 'TimeoutError', code: 23 });
});
