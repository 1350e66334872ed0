import {
  Patience,
  reconnecting,
  refuseErrors,
  type Streaming,
  type StreamOptions,
} from './connecting.js';
import { type Channel, CHANNELS, endsRun, type StreamEvent } from './events.js';
import { Sequence } from './sequence.js';

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

/** All of a run's events after `since`; it ends with the run, or else after event `through`. */
export function followRun(
  how: Streaming,
  options: EventOptions & { runId: string },
  through?: number,
): AsyncGenerator<StreamEvent, void, undefined> {
  const { runId, since = 0, signal } = options;
  const patience = new Patience();
  const isEnd = (event: StreamEvent): boolean => through === undefined && endsRun(event);
  let last = since;
  return reconnecting(how, options, runId, async function* (link) {
    const order = new Sequence<StreamEvent>(last);
    for (const channel of CHANNELS) {
      // From the first status on, so that the end of a run that is over is seen.
      const start = channel === 'status' ? 0 : last;
      link.send({ action: 'subscribe', channel, run_id: runId, since: start, id: channel });
    }
    for (;;) {
      const message = await link.next(signal);
      if (message === null) return false;
      refuseErrors(message);
      if (order.waiting > 0 && (patience.isOver(last) || order.waiting > MOST_EARLY)) return false;
      if (!isEvent(message)) continue;
      if (isEnd(message) && message.seq <= last) return true;
      const released = order.take(message);
      for (const [index, event] of released.entries()) {
        // One that has a twin behind it is not done with.
        if (released[index + 1]?.seq !== event.seq) last = event.seq;
        yield event;
        if (isEnd(event)) return true;
      }
      if (through !== undefined && last >= through) return true;
    }
  });
}

export function isEvent(message: object): message is StreamEvent {
  const { channel, seq } = message as Partial<StreamEvent>;
  return typeof seq === 'number' && channel !== undefined && CHANNELS.includes(channel);
}
