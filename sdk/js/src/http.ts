import { encode, queryString } from './encoding.js';
import {
  apiError,
  ConnectionError,
  CrackTraderError,
  isObject,
  RateLimitedError,
  readEnvelope,
} from './errors.js';
import { Gate } from './gate.js';
import {
  askedWait,
  isInFlight,
  isLimit,
  LONGEST_IN_ALL,
  mayRepeat,
  pause,
  type Repeat,
  retryAfter,
} from './retries.js';
import { deadline, sleep } from './timing.js';

export type FetchLike = (url: string, init?: RequestInit) => Promise<Response>;

export interface RequestOptions {
  /** Aborts the request, and whatever waits for it. */
  signal?: AbortSignal;
  /** Milliseconds for each try; 0: as long as it takes. */
  timeout?: number;
  /** Tries after the first. */
  maxRetries?: number;
  /** Seconds to wait in all where the server's limit says so; 0: throws at once. */
  rateLimitWait?: number;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Call {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below the API's base, each part encoded already. */
  path: string;
  query?: Query | undefined;
  body?: unknown;
  repeat: Repeat;
  idempotencyKey?: string;
  /** Bytes are wanted, not JSON. */
  binary?: boolean;
}

export interface TransportOptions {
  baseUrl: string;
  apiKey: string | undefined;
  timeout: number;
  maxRetries: number;
  rateLimitWait: number;
  fetch: FetchLike;
}

/** Sends requests, and sends them again where that is safe. */
export class Transport {
  readonly #options: TransportOptions;
  readonly gate = new Gate();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The answer's body.  Throws ApiError, ConnectionError, TimeoutError, or the signal's reason. */
  async request<T>(call: Call, options: RequestOptions = {}): Promise<T> {
    const { signal } = options;
    const url = this.#options.baseUrl + call.path + queryString(call.query);
    const init = this.#init(call);
    const tries = options.maxRetries ?? this.#options.maxRetries;
    let patience = (options.rateLimitWait ?? this.#options.rateLimitWait) * 1000;
    let end = Date.now() + LONGEST_IN_ALL;
    const waited = (ms: number): void => {
      patience = Math.max(patience - ms, 0);
      end += ms;
    };
    for (let tried = 0; ;) {
      waited(await this.gate.enter(patience, signal));
      try {
        return (await this.#once(call, url, init, options)) as T;
      } catch (error) {
        if (isLimit(error) || isInFlight(error)) {
          const wait = askedWait(error);
          if (error instanceof RateLimitedError) this.gate.refuse(error, wait);
          if (wait > patience || patience <= 0) throw error;
          if (isInFlight(error)) {
            await sleep(Math.max(wait, 50), signal);
            waited(Math.max(wait, 50));
          }
          continue;
        }
        const wait = pause(tried, error);
        if (tried >= tries || !mayRepeat(error, call.repeat) || Date.now() + wait > end) {
          throw error;
        }
        await sleep(wait, signal);
        tried += 1;
      }
    }
  }

  async #once(
    call: Call,
    url: string,
    init: RequestInit,
    options: RequestOptions,
  ): Promise<unknown> {
    const limit = deadline(
      options.timeout ?? this.#options.timeout,
      options.signal,
      `${call.method} ${call.path}: no answer`,
    );
    try {
      // Through a variable: a browser's fetch wants no other `this` than its own.
      const { fetch } = this.#options;
      const response = await fetch(url, { ...init, signal: limit.signal });
      this.gate.hear(response.headers);
      if (response.ok && call.binary) return await response.arrayBuffer();
      return read(response, await response.text(), this.#options.baseUrl);
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      if (error instanceof CrackTraderError) throw error;
      throw disconnected(call, this.#options.baseUrl, error);
    } finally {
      limit.clear();
    }
  }

  #init(call: Call): RequestInit {
    const headers: Record<string, string> = {};
    if (!call.binary) headers['Accept'] = 'application/json';
    if (this.#options.apiKey !== undefined)
      headers['Authorization'] = `Bearer ${this.#options.apiKey}`;
    if (call.idempotencyKey !== undefined) headers['Idempotency-Key'] = call.idempotencyKey;
    // Never with the cookies of somebody who is signed in to the admin.
    const init: RequestInit = {
      method: call.method,
      headers,
      credentials: 'omit',
      cache: 'no-store',
    };
    if (call.body === undefined) return init;
    headers['Content-Type'] = 'application/json';
    return { ...init, body: encode(call.body) };
  }
}

function read(response: Response, text: string, baseUrl: string): unknown {
  const hint = `is baseUrl, ${baseUrl}, the address of a Cracktrader server?`;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    if (response.ok) throw new CrackTraderError(`The answer is not JSON: ${hint}`);
  }
  if (response.ok) return body;
  const said = `The server answered ${response.status} ${response.statusText}`.trim();
  const found = readEnvelope(body) ?? {
    code: `HTTP_${response.status}`,
    message: response.status === 404 ? `${said}: ${hint}` : said,
    details: {},
  };
  const wait = retryAfter(response.headers.get('Retry-After'), found.details ?? {});
  throw apiError({ ...found, status: response.status, retryAfter: wait });
}

// A browser tells none of these.
const UNMADE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function disconnected({ method, path }: Call, baseUrl: string, error: unknown): ConnectionError {
  const cause = isObject(error) && isObject(error['cause']) ? error['cause'] : error;
  const told: Record<string, unknown> = isObject(cause) ? cause : {};
  const code = typeof told['code'] === 'string' ? told['code'] : '';
  const about = `${method} ${path}: `;
  // What OpenSSL says names the files it was built from.
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    const hint = 'the server does not speak TLS: should it begin with http://?';
    return new ConnectionError(`${about}${baseUrl}: ${hint}`, { cause: error }, 'wrong');
  }
  if (code.startsWith('HPE_')) {
    const hint = 'the server does not speak HTTP: should it begin with https://?';
    return new ConnectionError(`${about}${baseUrl}: ${hint}`, { cause: error }, 'wrong');
  }
  const found = /^(ERR_SSL|EPROTO)/.test(code) ? code : told['message'] || code || told['name'];
  const reason = typeof found === 'string' ? found : 'the connection failed';
  return new ConnectionError(
    about + (UNMADE.has(code) ? `${baseUrl} cannot be reached: ${reason}` : reason),
    { cause: error },
    UNMADE.has(code) ? 'unmade' : 'lost',
  );
}
