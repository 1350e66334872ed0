import { apiError, ConnectionError, CrackTraderError, isObject, readEnvelope } from './errors.js';
import { mayRepeat, pause, retryAfter, type Repeat } from './retries.js';
import { deadline, sleep } from './timing.js';

export type FetchLike = (url: string, init?: RequestInit) => Promise<Response>;

export interface RequestOptions {
  /** Aborts the request, and whatever waits for it. */
  signal?: AbortSignal;
  /** Milliseconds for each try; 0: as long as it takes. */
  timeout?: number;
  /** Tries after the first. */
  maxRetries?: number;
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
  fetch: FetchLike;
}

/** Sends requests, and sends them again where that is safe. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The answer's body.  Throws ApiError, ConnectionError, TimeoutError, or the signal's reason. */
  async request<T>(call: Call, options: RequestOptions = {}): Promise<T> {
    const tries = options.maxRetries ?? this.#options.maxRetries;
    for (let tried = 0; ; tried += 1) {
      try {
        return (await this.#once(call, options)) as T;
      } catch (error) {
        if (tried >= tries || !mayRepeat(error, call.repeat)) throw error;
        const wait = pause(tried, error);
        if (wait === null) throw error;
        await sleep(wait, options.signal);
      }
    }
  }

  async #once(call: Call, options: RequestOptions): Promise<unknown> {
    const url = this.#options.baseUrl + call.path + queryString(call.query);
    const init = this.#init(call);
    const limit = deadline(options.timeout ?? this.#options.timeout, options.signal);
    try {
      // Through a variable: a browser's fetch wants no other `this` than its own.
      const { fetch } = this.#options;
      const response = await fetch(url, { ...init, signal: limit.signal });
      if (response.ok && call.binary) return await response.arrayBuffer();
      return read(response, await response.text());
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      if (error instanceof CrackTraderError) throw error;
      throw new ConnectionError(`${call.method} ${call.path}: ${reasonOf(error)}`, {
        cause: error,
      });
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
    return { ...init, body: JSON.stringify(call.body) };
  }
}

function read(response: Response, text: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    if (response.ok) {
      throw new CrackTraderError(
        'The answer is not JSON: is baseUrl the address of a Cracktrader server?',
      );
    }
  }
  if (response.ok) return body;
  const found = readEnvelope(body) ?? {
    code: `HTTP_${response.status}`,
    message: `The server answered ${response.status} ${response.statusText}`.trim(),
    details: {},
  };
  const wait = retryAfter(response.headers.get('Retry-After'), found.details ?? {});
  throw apiError({ ...found, status: response.status, retryAfter: wait });
}

function queryString(query: Query = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) given.set(name, String(value));
  }
  const text = given.toString();
  return text && `?${text}`;
}

function reasonOf(error: unknown): string {
  const cause = isObject(error) ? error['cause'] : undefined;
  const told = isObject(cause) ? cause : error;
  const found = isObject(told) ? told['message'] || told['code'] || told['name'] : undefined;
  return typeof found === 'string' ? found : 'the connection failed';
}
