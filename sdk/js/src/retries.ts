import { ApiError, ConnectionError, TimeoutError } from './errors.js';

/**
 * When a request that was sent may be sent again.
 * - `safe`: it changes nothing, or the same thing: after a lost connection, a time-out and 5xx.
 * - `keyed`: it carries an Idempotency-Key: likewise.
 * - `never`: nobody knows whether a lost one was obeyed; the caller has to look.
 * One that was never sent, or refused by a limit, is none of these: it always may.
 */
export type Repeat = 'safe' | 'keyed' | 'never';

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8_000;
const UNTOLD_WAIT = 1;
/** Milliseconds for all tries of a call, limits aside. */
export const LONGEST_IN_ALL = 90_000;

/** Whether a limit refused it: waited out, and no failure. */
export function isLimit(error: unknown): error is ApiError {
  return (
    error instanceof ApiError &&
    error.status === 429 &&
    // A proxy's 429 has no code of the API.
    (error.code === 'RATE_LIMITED' || error.code === 'HTTP_429')
  );
}

/** Whether its first sending is under way: it is asked for again until that is done. */
export function isInFlight(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === 'IDEMPOTENCY_IN_FLIGHT';
}

export function mayRepeat(error: unknown, repeat: Repeat): boolean {
  if (error instanceof ConnectionError && error.failed !== 'lost') return error.failed === 'unmade';
  if (repeat === 'never') return false;
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  return error instanceof ApiError && (error.status === 429 || error.status >= 500);
}

/** Milliseconds to wait because the server said so. */
export function askedWait(error: ApiError): number {
  return (error.retryAfter ?? UNTOLD_WAIT) * 1000;
}

/** Milliseconds before the next try, `tried` (from 0) having failed. */
export function pause(
  tried: number,
  error?: unknown,
  random: () => number = Math.random,
): number {
  const own = Math.min(FIRST_PAUSE * 2 ** tried, LONGEST_PAUSE) * (0.5 + random() / 2);
  const asked = error instanceof ApiError ? error.retryAfter : undefined;
  // A little later than asked, so that those who were refused together do not return together.
  return asked === undefined ? own : Math.max(own, asked * 1000 + random() * 250);
}

/** Seconds of a Retry-After header: a number, or a date. */
export function retryAfter(
  header: string | null,
  details: Record<string, unknown>,
): number | undefined {
  if (header !== null && header.trim() !== '') {
    const seconds = Number(header);
    if (Number.isFinite(seconds)) return Math.max(seconds, 0);
    const date = Date.parse(header);
    if (!Number.isNaN(date)) return Math.max((date - Date.now()) / 1000, 0);
  }
  // Another origin's page may not be shown the header.
  const told = details['retry_after_seconds'];
  return typeof told === 'number' && told >= 0 ? told : undefined;
}

/** A name for one start: the same over all its repetitions. */
export function newIdempotencyKey(): string {
  // randomUUID is missing in pages that came over plain HTTP.
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
