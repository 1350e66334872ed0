import { ConnectionError, CrackTraderError, isObject } from './errors.js';

/** What this package needs of a WebSocket: the browsers', Node's, or the package `ws`. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

export function socketConstructor(given: WebSocketConstructor | undefined): WebSocketConstructor {
  const found = given ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (found === undefined) {
    throw new CrackTraderError(
      'There is no WebSocket: use Node 22 or newer, or give one: ' +
        "new CrackTrader({WebSocket}) with `import WebSocket from 'ws'`",
    );
  }
  return found;
}

export interface LinkOptions {
  WebSocket: WebSocketConstructor;
  url: string;
  apiKey: string | undefined;
  /** Milliseconds until the connection must be open. */
  timeout: number;
  /** Milliseconds of silence after which the connection counts as dead. */
  heartbeatTimeout: number;
  /** Messages that may wait to be taken. */
  buffer: number;
}

/**
 * One connection: messages wait until they are taken, at most `buffer` of them.
 *
 * A WebSocket cannot be told to wait.  So a connection whose messages are not
 * taken is given up when the buffer is full: what waits is still taken, then the
 * next connection asks for the rest.
 */
export class Link {
  readonly #socket: WebSocketLike;
  readonly #options: LinkOptions;
  readonly #waiting: unknown[] = [];
  #taken = 0;
  #wake: (() => void) | undefined;
  #closed = false;
  #heard = Date.now();
  #watch: ReturnType<typeof setTimeout> | undefined;
  #pinged = false;
  /** Whether the server has said anything. */
  heard = false;
  /** How the server closed it; undefined while it is open, and where it was lost. */
  closeCode: number | undefined;

  private constructor(options: LinkOptions) {
    this.#options = options;
    // A page cannot send headers: the key is the second subprotocol.
    const protocols = options.apiKey === undefined ? [] : ['bearer', options.apiKey];
    try {
      this.#socket = new options.WebSocket(options.url, protocols);
    } catch {
      // What it says may show the key.
      throw new CrackTraderError(`A WebSocket to ${options.url} is not allowed here`);
    }
    this.#socket.onmessage = (event: { data?: unknown }) => this.#receive(event.data);
    this.#socket.onclose = (event: { code?: number }) => this.#end(event?.code);
    this.#socket.onerror = () => this.#end();
  }

  /** Throws ConnectionError where none comes about, and the signal's reason. */
  static async open(options: LinkOptions, signal?: AbortSignal): Promise<Link> {
    signal?.throwIfAborted();
    const link = new Link(options);
    const { promise, resolve, reject } = withResolvers<Link>();
    const refuse = (why: string): void => reject(new ConnectionError(`The WebSocket ${options.url} ${why}`));
    const abort = (): void => reject(signal?.reason);
    const timer = setTimeout(() => refuse('did not open in time'), options.timeout || 2 ** 31 - 1);
    signal?.addEventListener('abort', abort, { once: true });
    link.#wake = () => refuse('could not be opened');
    link.#socket.onopen = () => {
      link.#heard = Date.now();
      link.#look();
      resolve(link);
    };
    try {
      return await promise;
    } catch (error) {
      link.close();
      throw error;
    } finally {
      link.#wake = undefined;
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** The next message; null when the connection is over and all of it was taken. */
  async next(signal?: AbortSignal): Promise<Record<string, unknown> | null> {
    for (;;) {
      signal?.throwIfAborted();
      while (this.#taken < this.#waiting.length) {
        const message = this.#waiting[this.#taken];
        this.#taken += 1;
        if (this.#taken === this.#waiting.length || this.#taken === 1_024) {
          this.#waiting.splice(0, this.#taken);
          this.#taken = 0;
        }
        if (isObject(message)) return message;
      }
      if (this.#closed) return null;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal?.removeEventListener('abort', done);
          this.#wake = undefined;
          resolve();
        };
        this.#wake = done;
        signal?.addEventListener('abort', done, { once: true });
      });
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(message: Record<string, unknown>): void {
    if (this.#closed) return;
    try {
      this.#socket.send(JSON.stringify(message));
    } catch {
      this.#end();
    }
  }

  /** At once: a half-open connection would not answer a good-bye. */
  close(): void {
    this.#end();
  }

  #receive(data: unknown): void {
    if (this.#closed || typeof data !== 'string') return;
    this.#heard = Date.now();
    this.#pinged = false;
    this.heard = true;
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      return this.#end();
    }
    this.#waiting.push(message);
    if (this.#waiting.length - this.#taken >= this.#options.buffer) this.#end();
    this.#wake?.();
  }

  /** Half the time silent: asks.  All of it: over. */
  #look = (): void => {
    if (this.#closed) return;
    const limit = this.#options.heartbeatTimeout;
    const silent = Date.now() - this.#heard;
    if (silent >= limit) return this.#end();
    if (silent >= limit / 2 && !this.#pinged) {
      this.#pinged = true;
      this.send({ action: 'ping' });
    }
    this.#watch = setTimeout(this.#look, Math.max(limit / 8, 5));
  };

  #end(code?: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.closeCode = code;
    clearTimeout(this.#watch);
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // `ws` throws where nobody listens to an error.
    socket.onerror = () => undefined;
    try {
      socket.close();
    } catch {
      // It was not open yet, or is closed already.
    }
    this.#wake?.();
  }
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}
