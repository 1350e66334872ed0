import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { inspect } from 'node:util';

import * as sdk from '../dist/esm/index.js';
import { answer, failure, KEY, lost, scripted } from './helpers.mjs';

const FAMILIES = [
  [400, 'INVALID_SYMBOL', sdk.InvalidRequestError],
  [405, 'METHOD_NOT_ALLOWED', sdk.InvalidRequestError],
  [413, 'BODY_TOO_LARGE', sdk.InvalidRequestError],
  [401, 'NOT_AUTHENTICATED', sdk.UnauthorizedError],
  [403, 'LIVE_TRADING_DISABLED', sdk.PermissionDeniedError],
  [404, 'RUN_NOT_FOUND', sdk.NotFoundError],
  [429, 'CHECK_BUSY', sdk.RateLimitedError],
  [500, 'INTERNAL_ERROR', sdk.ServerError],
  [404, 'A_CODE_OF_THE_FUTURE', sdk.NotFoundError],
];

for (const [status, code, family] of FAMILIES) {
  test(`${status} ${code} is a ${family.name} with all the server said`, async () => {
    const { api } = scripted([failure(status, code, { why: 1 })], { maxRetries: 0 });
    await assert.rejects(api.getStatus(), (error) => {
      assert.ok(error instanceof family && error instanceof sdk.ApiError);
      assert.ok(error instanceof sdk.CrackTraderError && error instanceof Error);
      const { name, message, details, retryAfter } = error;
      assert.deepEqual(
        [error.status, error.code, name, message, details, retryAfter],
        [status, code, family.name, `it is ${code}`, { why: 1 }, undefined],
      );
      return true;
    });
  });
}

test('an answer that is no envelope is told by its status', async () => {
  const proxy = new Response('<h1>Bad Gateway</h1>', { status: 502, statusText: 'Bad Gateway' });
  const { api } = scripted([proxy], { maxRetries: 0 });
  await assert.rejects(api.health(), { name: 'ServerError', status: 502, code: 'HTTP_502' });
});

test('an answer that is no JSON asks whether the address is right', async () => {
  const { api } = scripted([new Response('<h1>Welcome</h1>')], { maxRetries: 0 });
  await assert.rejects(api.health(), { name: 'CrackTraderError', message: /baseUrl/ });
});

test('Retry-After is read as seconds, as a date, and from the details', async () => {
  const soon = new Date(Date.now() + 5_000).toUTCString();
  for (const [headers, details, least, most] of [
    [{ 'Retry-After': '7' }, {}, 7, 7],
    [{ 'Retry-After': soon }, {}, 3, 5],
    [{}, { retry_after_seconds: 9 }, 9, 9],
  ]) {
    const limited = failure(429, 'RATE_LIMITED', details, headers);
    const { api } = scripted([limited], { rateLimitWait: 0 });
    await assert.rejects(api.getStatus(), ({ retryAfter }) => {
      assert.ok(retryAfter >= least && retryAfter <= most, String(retryAfter));
      return true;
    });
  }
});

test('a run that failed is an error with its code, run and details', async () => {
  const run = { run_id: 'r-1', status: 'failed', progress: 1, error: 'NO_CANDLES: There: none' };
  const { api } = scripted([
    answer(200, { run_id: 'r-1', status: 'starting', message: '' }),
    answer(200, { ...run, error_details: { symbol: 'BTC/USDT' } }),
  ]);
  const expected = { code: 'NO_CANDLES', runId: 'r-1', message: 'There: none' };
  const details = { symbol: 'BTC/USDT' };
  await assert.rejects(api.runBacktest({}), { name: 'RunFailedError', ...expected, details });
});

test('the key is shown by nothing: not the client, not an error, not a stream', async () => {
  const { api } = scripted([lost(), failure(401, 'NOT_AUTHENTICATED'), 'silence'], {
    maxRetries: 0,
    timeout: 20,
    WebSocket: class {
      constructor() {
        setTimeout(() => this.onerror?.());
      }
      close() {}
    },
  });
  const caught = [];
  for (const ask of [
    () => api.getStatus(),
    () => api.getStatus(),
    () => api.getStatus(),
    () => api.streamEvents({ runId: 'r' }).next(),
  ]) {
    await ask().catch((error) => caught.push(error));
  }
  assert.equal(caught.length, 4);
  const shown = [api, ...caught].flatMap((thing) => [
    inspect(thing, { depth: 9, showHidden: true, getters: true }),
    String(thing),
    JSON.stringify(thing),
    thing.stack ?? '',
    Object.getOwnPropertyNames(thing)
      .map((name) => String(thing[name]))
      .join(),
  ]);
  const secret = KEY.slice(20);
  assert.ok(!shown.join('\n').includes(secret));
});

test('a key that no header can carry is refused without being shown', () => {
  for (const apiKey of ['ct_secret\nx', 'ct_secret x', 'ct_secrét']) {
    assert.throws(
      () => new sdk.CrackTrader({ apiKey }),
      (error) => error instanceof sdk.CrackTraderError && !error.message.includes('secr'),
    );
  }
});

test('a key is trimmed, and an empty one is none', async () => {
  for (const [apiKey, sent] of [
    [` ${KEY}\n`, `Bearer ${KEY}`],
    ['', undefined],
    [' ', undefined],
  ]) {
    const { api, requests } = scripted([answer(200, {})], { apiKey });
    await api.health();
    assert.equal(requests[0].headers.Authorization, sent);
  }
});

test('a wrong address is told as such', async () => {
  const page = new Response('<h1>Not Found</h1>', { status: 404 });
  await assert.rejects(scripted([page]).api.health(), { name: 'NotFoundError', message: /baseUrl/ });
  const server = createServer((_, response) => response.end());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  const began = Date.now();
  await assert.rejects(new sdk.CrackTrader({ baseUrl: `https://127.0.0.1:${port}` }).health(), {
    name: 'ConnectionError',
    message: /https:\/\/127.*TLS.*http:\/\/\?$/,
  });
  assert.ok(Date.now() - began < 1_000);
  server.close();
});

test('baseUrl comes with and without /api/v1, with a path, and from the environment', async () => {
  process.env.CRACKTRADER_URL = 'http://env.test:81/';
  process.env.CRACKTRADER_API_KEY = 'from_environment';
  try {
    for (const [baseUrl, wanted] of [
      ['http://desk.test', 'http://desk.test/api/v1/health'],
      ['http://desk.test/api/v1', 'http://desk.test/api/v1/health'],
      ['https://desk.test:8443/api/v1/', 'https://desk.test:8443/api/v1/health'],
      ['https://desk.test/under/', 'https://desk.test/under/api/v1/health'],
      [undefined, 'http://env.test:81/api/v1/health'],
    ]) {
      const { api, requests } = scripted([answer(200, {})], { baseUrl, apiKey: undefined });
      await api.health();
      assert.equal(requests[0].url.href, wanted);
      assert.equal(requests[0].headers.Authorization, 'Bearer from_environment');
    }
  } finally {
    delete process.env.CRACKTRADER_URL;
    delete process.env.CRACKTRADER_API_KEY;
  }
  for (const baseUrl of ['desk', 'ftp://desk', 'http://user:pass@desk', 'http://desk/?a=1']) {
    assert.throws(() => new sdk.CrackTrader({ baseUrl }), sdk.CrackTraderError);
  }
});

test('without a WebSocket the error says how to give one', async () => {
  const kept = globalThis.WebSocket;
  delete globalThis.WebSocket;
  try {
    const { api } = scripted([]);
    await assert.rejects(api.streamEvents({ runId: 'r' }).next(), /Node 22.*WebSocket/s);
  } finally {
    globalThis.WebSocket = kept;
  }
});

test('a WebSocket that cannot be made is an error that does not show the key', async () => {
  class Strict {
    constructor(_, protocols) {
      throw new SyntaxError(`The subprotocol ${protocols} is invalid`);
    }
  }
  const { api } = scripted([], { WebSocket: Strict });
  await assert.rejects(api.streamEvents({ runId: 'r' }).next(), (error) => {
    assert.ok(error instanceof sdk.CrackTraderError);
    return !inspect(error).includes(KEY);
  });
});
