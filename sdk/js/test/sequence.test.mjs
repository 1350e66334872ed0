import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Sequence } from '../dist/esm/sequence.js';

const KINDS = [
  ['orders', {}],
  ['equity', {}],
  ['status', { event: 'run.started' }],
  ['status', { event: 'run.resumed' }],
];

/** A run's events as its channels tell them, those told twice on both. */
function history(count) {
  return Array.from({ length: count }, (_, n) => {
    const [channel, data] = KINDS[(n * 7) % KINDS.length];
    const event = { seq: n + 1, channel, data };
    return data.event === 'run.resumed' ? [event, { ...event, channel: 'logs' }] : [event];
  }).flat();
}

function shuffled(events, seed) {
  let state = seed;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  return events
    .map((event) => [random(), event])
    .sort(([a], [b]) => a - b)
    .map(([, event]) => event);
}

const told = (events) => events.filter(({ channel }) => channel !== 'logs');

test('whatever comes first and however often, each comes out once, in order', () => {
  const events = history(200);
  for (let seed = 1; seed <= 50; seed += 1) {
    const sequence = new Sequence(0);
    const mixed = shuffled([...events, ...events.filter((_, n) => n % 3 === 0)], seed);
    assert.deepEqual(
      mixed.flatMap((event) => sequence.take(event)),
      told(events),
    );
    assert.deepEqual([sequence.last, sequence.waiting], [200, 0]);
  }
});

test('what was told before its beginning is not told again', () => {
  const sequence = new Sequence(150);
  const taken = history(200).flatMap((event) => sequence.take(event));
  assert.equal(taken[0].seq, 151);
});

test('what is told otherwise is passed over, and what waited for it follows', () => {
  const sequence = new Sequence(0);
  const [first, second, third] = [1, 2, 3].map((seq) => ({ seq, channel: 'orders', data: {} }));
  assert.deepEqual(sequence.take(third), []);
  assert.equal(sequence.waiting, 1);
  sequence.pass(2);
  assert.deepEqual(sequence.release(), [third]);
  assert.deepEqual([...sequence.take(first), ...sequence.take(second)], []);
});
