import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Link } from '../dist/esm/socket.js';
import { answer, failure, KEY, lost, scripted } from './helpers.mjs';

/** A server's side of WebSockets that do as `script` says. */
function fakes(script) {
  const made = [];
  class Fake {
    sent = [];
    constructor(url, protocols) {
      Object.assign(this, { url, protocols });
      made.push(this);
      setTimeout(() => script(this, made.length));
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.closed = true;
    }
    tell(message) {
      this.onmessage?.({ data: JSON.stringify(message) });
    }
  }
  return { Fake, made };
}

const options = (WebSocket, more = {}) => ({
  WebSocket,
  url: 'ws://x/ws',
  apiKey: KEY,
  timeout: 50,
  heartbeatTimeout: 80,
  buffer: 3,
  ...more,
});
const status = (seq, event) => ({ channel: 'status', run_id: 'r', seq, data: { event } });

test('the key is the second subprotocol', async () => {
  const { Fake, made } = fakes((socket) => socket.onopen());
  (await Link.open(options(Fake))).close();
  assert.deepEqual(made[0].protocols, ['bearer', KEY]);
  assert.equal(made[0].url, 'ws://x/ws');
});

test('a connection that does not open in time is an error', async () => {
  const { Fake, made } = fakes(() => undefined);
  await assert.rejects(Link.open(options(Fake)), { name: 'ConnectionError' });
  assert.ok(made[0].closed);
});

test('a connection that is silent is asked, and then given up', async () => {
  const { Fake, made } = fakes((socket) => socket.onopen());
  const link = await Link.open(options(Fake));
  assert.equal(await link.next(), null);
  assert.deepEqual(made[0].sent, [{ action: 'ping' }]);
  assert.ok(made[0].closed);
});

test('a connection on which a heart beats is kept', async () => {
  const { Fake, made } = fakes((socket) => {
    socket.onopen();
    let beats = 0;
    const beat = setInterval(() => {
      socket.tell({ type: 'heartbeat' });
      if ((beats += 1) === 10) clearInterval(beat);
    }, 20);
  });
  const link = await Link.open(options(Fake));
  for (let beats = 0; beats < 10; beats += 1) assert.ok(await link.next());
  assert.equal(made[0].closed, undefined);
  link.close();
});

test('what nobody takes fills the buffer and no more: it is still given, then the connection is over', async () => {
  const { Fake, made } = fakes((socket) => {
    socket.onopen();
    for (let seq = 1; seq <= 9; seq += 1) socket.tell({ seq });
  });
  const link = await Link.open(options(Fake));
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(made[0].closed);
  const told = [];
  for (let message; (message = await link.next());) told.push(message.seq);
  assert.deepEqual(told, [1, 2, 3]);
});

test('an abort ends a stream with its reason and closes its connection', async () => {
  const { Fake, made } = fakes((socket) => socket.onopen());
  const { api } = scripted([], { WebSocket: Fake });
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('enough')), 30);
  const stream = api.streamEvents({ runId: 'r', signal: controller.signal });
  await assert.rejects(stream.next(), { message: 'enough' });
  assert.ok(made[0].closed);
});

test('who stops reading closes the connection', async () => {
  const { Fake, made } = fakes((socket) => {
    socket.onopen();
    socket.tell(status(1, 'run.created'));
  });
  const { api } = scripted([], { WebSocket: Fake });
  for await (const event of api.streamEvents({ runId: 'r' })) {
    assert.equal(event.seq, 1);
    break;
  }
  assert.ok(made[0].closed);
});

test('an error over the WebSocket is of the family it would have over HTTP', async () => {
  for (const [code, name] of [
    ['RUN_NOT_FOUND', 'NotFoundError'],
    ['INVALID_VALUE', 'InvalidRequestError'],
  ]) {
    const { Fake } = fakes((socket) => {
      socket.onopen();
      socket.tell({ error: { code, message: 'no', details: {} } });
    });
    const { api } = scripted([], { WebSocket: Fake });
    await assert.rejects(api.streamEvents({ runId: 'r' }).next(), { name, code });
  }
});

test('a refused connection says why: what HTTP answers', async () => {
  const { Fake } = fakes((socket) => socket.onerror());
  const { api } = scripted([failure(401, 'NOT_AUTHENTICATED')], { WebSocket: Fake });
  const refused = { name: 'UnauthorizedError', code: 'NOT_AUTHENTICATED' };
  await assert.rejects(api.streamEvents({ runId: 'r' }).next(), refused);
});

test('a key that is revoked while a stream goes on ends it', async () => {
  const { Fake } = fakes((socket) => {
    socket.onopen();
    socket.onclose({ code: 1008 });
  });
  const { api } = scripted([failure(401, 'NOT_AUTHENTICATED')], { WebSocket: Fake });
  await assert.rejects(api.streamEvents({ runId: 'r' }).next(), { name: 'UnauthorizedError' });
});

test('a connection that never comes about is an error after some tries', async () => {
  const { Fake, made } = fakes((socket) => socket.onerror());
  const { api } = scripted(() => answer(200, {}), { WebSocket: Fake, maxRetries: 1 });
  await assert.rejects(api.streamEvents({ runId: 'r' }).next(), { name: 'ConnectionError' });
  assert.equal(made.length, 2);
});

test('after a lost connection the next goes on behind the last event', async () => {
  const { Fake, made } = fakes((socket, count) => {
    socket.onopen();
    if (count === 1) {
      socket.tell(status(1, 'run.created'));
      socket.tell(status(2, 'run.started'));
      socket.onclose({ code: 1006 });
    } else {
      socket.tell(status(3, 'run.completed'));
    }
  });
  const { api } = scripted(() => answer(200, { status: 'running' }), { WebSocket: Fake });
  const told = [];
  for await (const { seq } of api.streamEvents({ runId: 'r' })) told.push(seq);
  assert.deepEqual(told, [1, 2, 3]);
  assert.deepEqual(new Set(made[1].sent.map(({ since }) => since)), new Set([2]));
});

test('a stream that has told something is tried again for its time, whatever fails meanwhile', async () => {
  const { Fake, made } = fakes((socket, count) => {
    if (count > 1 && count < 5) return socket.onerror();
    socket.onopen();
    if (count === 1) {
      socket.tell({ type: 'heartbeat' });
      socket.onclose({ code: 1006 });
    } else socket.tell(status(1, 'run.completed'));
  });
  const { api } = scripted(() => lost(), { WebSocket: Fake, maxRetries: 0 });
  const told = [];
  for await (const { seq } of api.streamEvents({ runId: 'r' })) told.push(seq);
  assert.deepEqual(told, [1]);
  assert.equal(made.length, 5);
});

test('it is an error when its time is over', async () => {
  const { Fake } = fakes((socket, count) => {
    if (count > 1) return socket.onerror();
    socket.onopen();
    socket.tell({ type: 'heartbeat' });
    socket.onclose({ code: 1006 });
  });
  const { api } = scripted(() => lost(), { WebSocket: Fake });
  const stream = api.streamEvents({ runId: 'r', reconnectTimeout: 300 });
  await assert.rejects(stream.next(), { name: 'ConnectionError', message: /ws:\/\/desk.test\/ws/ });
});

test('a channel that is none, and a since of no run, are refused', async () => {
  const { api } = scripted([], { WebSocket: fakes(() => undefined).Fake });
  await assert.rejects(api.streamEvents({ channels: ['order'] }).next(), /order: .*orders, trades/);
  await assert.rejects(api.streamEvents({ since: 3 }).next(), /runId/);
  await assert.rejects(api.streamTicker({ since: 3 }).next(), /runId/);
});

test('a quiet stream can be left while it waits', async () => {
  const { Fake, made } = fakes((socket) => socket.onopen());
  const { api } = scripted([], { WebSocket: Fake });
  const stream = api.streamEvents({ runId: 'r' });
  const next = stream.next();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(await stream.return(), { done: true, value: undefined });
  assert.deepEqual(await next, { done: true, value: undefined });
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  assert.ok(made[0].closed);
  assert.equal(stream[Symbol.asyncIterator](), stream);
});

test('the bars of all runs are told from now on', async () => {
  const { Fake, made } = fakes((socket) => {
    socket.onopen();
    for (const run_id of ['a', 'b'])
      socket.tell({ channel: 'ticker', run_id, seq: 4, symbol: 'X', data: {} });
  });
  const { api } = scripted([], { WebSocket: Fake });
  const told = [];
  for await (const { run_id } of api.streamTicker()) if (told.push(run_id) === 2) break;
  assert.deepEqual(told, ['a', 'b']);
  assert.deepEqual(made[0].sent, [{ action: 'subscribe', channel: 'ticker' }]);
});

test('a run that is over is asked once where it ends', async () => {
  const { Fake } = fakes((socket) => {
    socket.send = (text) => {
      const { action, id } = JSON.parse(text);
      if (id) socket.tell({ type: `${action}d`, id, seq: 7 });
    };
    socket.onopen();
  });
  const { api, requests } = scripted(() => answer(200, { status: 'completed' }), { WebSocket: Fake });
  assert.equal((await api.streamEvents({ runId: 'r', since: 7 }).next()).done, true);
  assert.equal(requests.length, 1);
});
