import { followAllRuns } from './all-runs.js';
import { reconnecting, refuseErrors, type Streaming, type StreamOptions } from './connecting.js';
import { NotFoundError } from './errors.js';
import { CHANNELS, endsRun, type StreamEvent, type TickerEvent } from './events.js';
import { type EventOptions, followRun, isEvent } from './run-events.js';

export interface TickerOptions extends StreamOptions {
  /** Default: the current run. */
  runId?: string;
  /** Default: all of the run's. */
  symbol?: string;
  /** A `seq`; the bars after it are told (default 0: all of them). */
  since?: number;
}

export async function* streamEvents(
  how: Streaming,
  options: EventOptions,
): AsyncGenerator<StreamEvent, void, undefined> {
  const { runId, channels = CHANNELS, symbol } = options;
  const events =
    runId === undefined ? followAllRuns(how, options) : followRun(how, { ...options, runId });
  for await (const event of events) {
    const { channel } = event;
    if (!channels.includes(channel)) continue;
    const hasSymbol = channel === 'orders' || channel === 'trades';
    if (symbol === undefined || !hasSymbol || event.data.symbol === symbol) yield event;
  }
}

export async function* streamTicker(
  how: Streaming,
  options: TickerOptions,
): AsyncGenerator<TickerEvent, void, undefined> {
  const { symbol, since = 0, signal } = options;
  const runId = options.runId ?? (await currentRun(how, signal));
  const key = { action: 'subscribe', channel: 'ticker', run_id: runId, ...(symbol && { symbol }) };
  let last = since;
  const told = new Set<string>();
  yield* reconnecting(how, options, runId, async function* (link) {
    // One event is several messages: those of the last one may not have come all.
    link.send({ ...key, since: told.size > 0 ? last - 1 : last });
    link.send({ action: 'subscribe', channel: 'status', run_id: runId, since: 0 });
    let end = Infinity;
    for (;;) {
      const message = await link.next(signal);
      if (message === null) return false;
      refuseErrors(message);
      if (message['id'] === 'end') {
        if (Number(message['seq']) >= end) return true;
        setTimeout(() => link.send({ ...key, id: 'end' }), 200);
      } else if (isTicker(message) && !(message.seq === last && told.has(message.symbol))) {
        if (message.seq < last || (message.seq === last && told.size === 0)) continue;
        if (message.seq > last) told.clear();
        last = message.seq;
        told.add(message.symbol);
        yield message;
      } else if (isEvent(message) && endsRun(message)) {
        end = message.seq;
        // Asked again, a subscription tells how far it is.
        link.send({ ...key, id: 'end' });
      }
    }
  });
}

async function currentRun(how: Streaming, signal?: AbortSignal): Promise<string> {
  const { run_id } = await how.api.getStatus(undefined, signal && { signal });
  if (run_id !== null) return run_id;
  throw new NotFoundError({
    status: 404,
    code: 'RUN_NOT_FOUND',
    message: 'There is no current run',
  });
}

function isTicker(message: object): message is TickerEvent {
  const { channel, data } = message as Partial<TickerEvent>;
  return channel === 'ticker' && data !== undefined;
}
