import type { CrackTrader } from './client.js';
import { ApiError, ConnectionError, CrackTraderError, readEnvelope, socketError } from './errors.js';
import { mayRepeat, newIdempotencyKey, pause } from './retries.js';
import { Link, socketConstructor, type WebSocketConstructor } from './socket.js';
import { sleep } from './timing.js';

export interface Streaming {
  api: CrackTrader;
  url: string;
  apiKey: string | undefined;
  timeout: number;
  maxRetries: number;
  WebSocket: WebSocketConstructor | undefined;
}

export interface StreamOptions {
  /** Ends the stream: it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds of silence after which a connection counts as dead (default 30,000). */
  heartbeatTimeout?: number;
  /** Milliseconds to try for a new connection when one was lost (default 300,000). */
  reconnectTimeout?: number;
  /**
   * Messages that may wait for a slow reader (default 10,000, at least 4,000).  A connection whose
   * messages are more is given up; the rest is asked for when those have been read.
   */
  buffer?: number;
}

type Message = Record<string, unknown>;

/** Yields what is told over one connection; returns whether the stream is over with it. */
export type Session<T> = (link: Link) => AsyncGenerator<T, boolean, undefined>;

const STALLED = 30_000;
// A page of each channel, and then some: less might not hold the next event of all.
const SMALLEST_BUFFER = 4_000;
const POLICY_VIOLATION = 1008;

/** One session after the other, each over a new connection, until one says that it is over. */
export async function* reconnecting<T>(
  how: Streaming,
  options: StreamOptions,
  runId: string | undefined,
  session: Session<T>,
): AsyncGenerator<T, void, undefined> {
  const { signal, heartbeatTimeout = 30_000, reconnectTimeout = 300_000 } = options;
  const buffer = Math.max(options.buffer ?? 10_000, SMALLEST_BUFFER);
  const WebSocket = socketConstructor(how.WebSocket);
  const { url, apiKey, timeout } = how;
  let failures = 0;
  /** Whether any connection has told anything: from then on time counts, and not tries. */
  let begun = false;
  let failing: number | undefined;
  for (;;) {
    let link: Link | undefined;
    let trouble: unknown;
    let told = false;
    /** Whether the connection was lost, rather than what the session asked for besides. */
    let cut: boolean | undefined = true;
    try {
      link = await Link.open({ WebSocket, url, apiKey, timeout, heartbeatTimeout, buffer }, signal);
      const events = session(link);
      try {
        for (;;) {
          const { done, value } = await events.next();
          if (done) {
            if (value) return;
            break;
          }
          told = true;
          yield value;
        }
      } finally {
        await events.return(true);
      }
      if (link.closeCode === POLICY_VIOLATION) await explain(how, runId, signal);
    } catch (error) {
      if (!mayRepeat(error, 'safe')) throw error;
      trouble = error;
      cut = link?.closed;
      if (link === undefined) await explain(how, runId, signal);
    } finally {
      link?.close();
    }
    begun ||= !!link?.heard;
    if (told || (link?.heard && cut)) {
      failures = 0;
      failing = undefined;
    }
    failing ??= Date.now();
    if (begun ? Date.now() - failing > reconnectTimeout : failures >= how.maxRetries) {
      throw trouble ?? new ConnectionError(`The WebSocket ${url} is closed without a word`);
    }
    await sleep(pause(failures, trouble), signal);
    failures += 1;
  }
}

/** A WebSocket does not show why it was refused: the same is asked by HTTP.  Throws what is wrong. */
async function explain(
  how: Streaming,
  runId: string | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const options = { maxRetries: 0, rateLimitWait: 0, timeout: how.timeout, ...(signal && { signal }) };
  try {
    await (runId === undefined
      ? how.api.getStatus(undefined, options)
      : how.api.getRun(runId, options));
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ApiError && [401, 403, 404].includes(error.status)) throw error;
  }
}

/** Throws the error that the message is, if it is one. */
export function refuseErrors(message: Message): void {
  const found = readEnvelope(message);
  if (found !== null) throw socketError(found);
}

/** The answer to a request; what comes before it is held. */
export async function ask(
  link: Link,
  request: Message,
  held: Message[],
  signal: AbortSignal | undefined,
): Promise<Message> {
  const id = newIdempotencyKey();
  link.send({ ...request, id });
  for (;;) {
    const message = await link.next(signal);
    if (message === null) throw new ConnectionError('The WebSocket was lost');
    refuseErrors(message);
    if (message['id'] === id) return message;
    held.push(message);
  }
}

/** The seq of a run's newest event. */
export async function positionOf(
  link: Link,
  runId: string,
  held: Message[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const key = { channel: 'status', run_id: runId };
  const { seq } = await ask(link, { action: 'subscribe', ...key }, held, signal);
  await ask(link, { action: 'unsubscribe', ...key }, held, signal);
  return Number(seq);
}

/** Notices that what comes next does not come, though other things do. */
export class Patience {
  #since = Date.now();
  #at: number | undefined;
  #times = 0;

  /** Whether nothing has moved on from `seq` for too long.  Throws when new connections do not help. */
  isOver(seq: number): boolean {
    if (seq !== this.#at) {
      this.#at = seq;
      this.#times = 0;
      this.#since = Date.now();
    }
    if (Date.now() - this.#since < STALLED) return false;
    this.#times += 1;
    this.#since = Date.now();
    if (this.#times > 3)
      throw new CrackTraderError(`The server does not tell event ${seq + 1} of the run`);
    return true;
  }
}
