import { followAllRuns } from './all-runs.js';
import { reconnecting, refuseErrors, type Streaming, type StreamOptions } from './connecting.js';
import { CrackTraderError } from './errors.js';
import { CHANNELS, endsRun, type StreamEvent, type TickerEvent } from './events.js';
import { abandonable } from './abandonable.js';
import { type EventOptions, followRun, isEvent } from './run-events.js';

export interface TickerOptions extends StreamOptions {
  /** Default: all of yours, also those to come, from now on. */
  runId?: string;
  /** Default: all. */
  symbol?: string;
  /** With `runId`: a `seq`; the bars after it are told (default 0: all of them). */
  since?: number;
}

export function streamEvents(
  how: Streaming,
  options: EventOptions,
): AsyncGenerator<StreamEvent, void, undefined> {
  return abandonable(options.signal, (signal) => chosen(how, { ...options, signal }));
}

export function streamTicker(
  how: Streaming,
  options: TickerOptions,
): AsyncGenerator<TickerEvent, void, undefined> {
  return abandonable(options.signal, (signal) => {
    const { runId } = options;
    refuseSinceAlone(options);
    return runId === undefined
      ? tickerOfAll(how, { ...options, signal })
      : tickerOfRun(how, { ...options, runId, signal });
  });
}

async function* chosen(
  how: Streaming,
  options: EventOptions,
): AsyncGenerator<StreamEvent, void, undefined> {
  const { runId, channels = CHANNELS, symbol } = options;
  const unknown = channels.filter((channel) => !CHANNELS.includes(channel));
  if (unknown.length > 0) {
    const named = `${unknown.join(', ')}: there is no such channel`;
    throw new CrackTraderError(`${named}; there are ${CHANNELS.join(', ')}`);
  }
  refuseSinceAlone(options);
  const events =
    runId === undefined ? followAllRuns(how, options) : followRun(how, { ...options, runId });
  for await (const event of events) {
    const { channel } = event;
    if (!channels.includes(channel)) continue;
    const hasSymbol = channel === 'orders' || channel === 'trades';
    if (symbol === undefined || !hasSymbol || event.data.symbol === symbol) yield event;
  }
}

function refuseSinceAlone({ runId, since }: { runId?: string; since?: number }): void {
  if (runId === undefined && since !== undefined) {
    throw new CrackTraderError('since counts the events of one run: runId is missing');
  }
}

/** Closed bars of all runs, from now on; those of a time without a connection are not told. */
function tickerOfAll(
  how: Streaming,
  options: TickerOptions,
): AsyncGenerator<TickerEvent, void, undefined> {
  const { symbol, signal } = options;
  return reconnecting(how, options, undefined, async function* (link) {
    link.send({ action: 'subscribe', channel: 'ticker', ...(symbol && { symbol }) });
    for (;;) {
      const message = await link.next(signal);
      if (message === null) return false;
      refuseErrors(message);
      if (isTicker(message)) yield message;
    }
  });
}

async function* tickerOfRun(
  how: Streaming,
  options: TickerOptions & { runId: string },
): AsyncGenerator<TickerEvent, void, undefined> {
  const { runId, symbol, since = 0, signal } = options;
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

function isTicker(message: object): message is TickerEvent {
  const { channel, data } = message as Partial<TickerEvent>;
  return channel === 'ticker' && data !== undefined;
}
