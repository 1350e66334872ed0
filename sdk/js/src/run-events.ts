import {
  Patience,
  positionOf,
  reconnecting,
  refuseErrors,
  type Streaming,
  type StreamOptions,
} from './connecting.js';
import { type Channel, CHANNELS, endsRun, type StreamEvent } from './events.js';
import { Sequence } from './sequence.js';
import type { Link } from './socket.js';
import { isOver } from './waiting.js';

export interface EventOptions extends StreamOptions {
  /** Default: all of yours, also those to come, from now on. */
  runId?: string;
  /** With `runId`: a `seq`; the events after it are told (default 0: all of them). */
  since?: number;
  /** Default: all. */
  channels?: readonly Channel[];
  /** Orders and trades of this symbol only. */
  symbol?: string;
}

// Far more than a server's pages put out of order.
const MOST_EARLY = 50_000;

/** All of a run's events after `since`; it ends with the run, or after event `through`. */
export function followRun(
  how: Streaming,
  options: EventOptions & { runId: string },
  through?: number,
): AsyncGenerator<StreamEvent, void, undefined> {
  const { runId, since = 0, signal } = options;
  const patience = new Patience();
  let last = since;
  return reconnecting(how, options, runId, async function* (link) {
    const order = new Sequence<StreamEvent>(last);
    const held: Record<string, unknown>[] = [];
    // Who begins at the start meets the end; who goes on may have had it.
    const end = through ?? (last > 0 ? await endOf(how, link, runId, held, signal) : undefined);
    if (last === end) return true;
    for (const channel of CHANNELS) {
      link.send({ action: 'subscribe', channel, run_id: runId, since: last });
    }
    for (;;) {
      const message = held.shift() ?? (await link.next(signal));
      if (message === null) return false;
      refuseErrors(message);
      if (order.waiting > 0 && (patience.isOver(last) || order.waiting > MOST_EARLY)) return false;
      if (!isEvent(message)) continue;
      for (const event of order.take(message)) {
        last = event.seq;
        yield event;
        if (end === undefined && endsRun(event)) return true;
      }
      if (end !== undefined && last >= end) return true;
    }
  });
}

/** The last event of a run that is over; undefined while there are events to come. */
async function endOf(
  how: Streaming,
  link: Link,
  runId: string,
  held: Record<string, unknown>[],
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const { status } = await how.api.getRun(runId, signal && { signal });
  return isOver(status) ? positionOf(link, runId, held, signal) : undefined;
}

export function isEvent(message: object): message is StreamEvent {
  const { channel, data } = message as Partial<StreamEvent>;
  // An answer to a subscription names the channel too, and has no data.
  return data !== undefined && channel !== undefined && CHANNELS.includes(channel);
}
