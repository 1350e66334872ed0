import { ask, positionOf, reconnecting, refuseErrors, type Streaming } from './connecting.js';
import { NotFoundError } from './errors.js';
import { CHANNELS, endsRun, type StreamEvent } from './events.js';
import { type EventOptions, followRun, isEvent } from './run-events.js';
import { Sequence } from './sequence.js';
import type { Link } from './socket.js';
import { sleep } from './timing.js';

type Message = Record<string, unknown>;

const ACTIVE = ['starting', 'running', 'stopping'] as const;
const HOLE_PATIENCE = 3_000;
// A server takes 60 messages at once, and 20 a second; asking for a position is two.
const MANY_RUNS = 20;
const MANY_PAUSE = 150;

/** A sequence that waits for the event after `after`, and since when. */
interface Hole {
  after: number;
  noticed: number;
}

/**
 * The events of all runs from now on, each run's in order.
 *
 * A subscription to all runs cannot be resumed.  So after a lost connection each
 * run that is known is asked what it has told meanwhile, and the list of runs
 * which are new.
 */
export async function* followAllRuns(
  how: Streaming,
  options: EventOptions,
): AsyncGenerator<StreamEvent, void, undefined> {
  const { signal } = options;
  const asking = signal && { signal };
  const known = new Map<string, Sequence<StreamEvent>>();
  /** The last seq of runs that are over: they are not asked again. */
  const over = new Map<string, number>();
  let newest: string | null = null;
  /** The runs that were active at the beginning and whose place is not known yet. */
  let joining: string[] | undefined;

  yield* reconnecting(how, options, undefined, async function* (link) {
    const held: Message[] = [];
    for (const channel of CHANNELS) await ask(link, { action: 'subscribe', channel }, held, signal);
    if (joining === undefined) {
      joining = await active();
    } else {
      await findNew();
      const runs = [...known.keys()];
      for (const runId of runs) {
        yield* fill(runId, link, held);
        if (runs.length > MANY_RUNS) await sleep(MANY_PAUSE, signal);
      }
    }
    await join(joining, link, held);
    const holes = new Map<string, Hole>();
    for (;;) {
      const message = held.shift() ?? (await link.next(signal));
      if (message === null) return false;
      refuseErrors(message);
      if (isEvent(message))
        for (const event of sequenceOf(message).take(message)) yield* tell(event);
      for (const runId of lasting(holes)) yield* fill(runId, link, held);
    }
  });

  async function active(): Promise<string[]> {
    const { runs } = await how.api.listRuns({ limit: 1 }, asking);
    newest = runs[0]?.run_id ?? null;
    const found: string[] = [];
    for (const status of ACTIVE) {
      for await (const { run_id } of how.api.iterateRuns({ status }, asking)) found.push(run_id);
    }
    return found;
  }

  /** Learns where the runs stand, and takes them off the list. */
  async function join(runs: string[], link: Link, held: Message[]): Promise<void> {
    const pausing = runs.length > MANY_RUNS;
    for (let runId; (runId = runs[0]) !== undefined; runs.shift()) {
      const position = await standing(link, runId, held);
      if (position === undefined || known.has(runId)) continue;
      const heard = held.flatMap((m) => (isEvent(m) && m.run_id === runId ? [m.seq - 1] : []));
      known.set(runId, new Sequence(Math.min(position, ...heard)));
      if (pausing) await sleep(MANY_PAUSE, signal);
    }
  }

  /** The newest seq; undefined of a run that is not there any more. */
  async function standing(
    link: Link,
    runId: string,
    held: Message[],
  ): Promise<number | undefined> {
    try {
      return await positionOf(link, runId, held, signal);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /** Learns of the runs that began since it last looked: all of them is news. */
  async function findNew(): Promise<void> {
    const last = newest;
    let first: string | undefined;
    for await (const { run_id } of how.api.iterateRuns({ limit: 50 }, asking)) {
      first ??= run_id;
      if (run_id === last) break;
      if (!known.has(run_id) && !over.has(run_id)) known.set(run_id, new Sequence(0));
    }
    newest = first ?? last;
  }

  /** What was missed of a run; then what had waited for it. */
  async function* fill(
    runId: string,
    link: Link,
    held: Message[],
  ): AsyncGenerator<StreamEvent, void, undefined> {
    const sequence = known.get(runId);
    if (sequence === undefined) return;
    const since = sequence.last;
    const through = await standing(link, runId, held);
    if (through === undefined) {
      known.delete(runId);
      return;
    }
    if (through > since) {
      for await (const event of followRun(how, { ...options, runId, since }, through)) {
        sequence.pass(event.seq);
        yield* tell(event);
      }
    }
    for (const event of sequence.release()) yield* tell(event);
  }

  function sequenceOf({ run_id, seq }: StreamEvent): Sequence<StreamEvent> {
    let sequence = known.get(run_id);
    if (sequence === undefined) {
      sequence = new Sequence(over.get(run_id) ?? seq - 1);
      known.set(run_id, sequence);
    }
    return sequence;
  }

  function* tell(event: StreamEvent): Generator<StreamEvent, void, undefined> {
    yield event;
    if (!endsRun(event)) return;
    known.delete(event.run_id);
    over.set(event.run_id, event.seq);
  }

  /** Runs with a hole that does not close by itself. */
  function lasting(holes: Map<string, Hole>): string[] {
    const found: string[] = [];
    for (const [runId, { waiting, last }] of known) {
      const hole = holes.get(runId);
      if (waiting === 0) holes.delete(runId);
      else if (hole?.after !== last) holes.set(runId, { after: last, noticed: Date.now() });
      else if (Date.now() - hole.noticed > HOLE_PATIENCE) found.push(runId);
    }
    return found;
  }
}
