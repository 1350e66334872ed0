import { ApiError, ConnectionError, TimeoutError } from './errors.js';

/**
 * When a request may be sent again.
 * - `safe`: it changes nothing, or the same thing: after a lost connection, a time-out, 429 and 5xx.
 * - `keyed`: it carries an Idempotency-Key: likewise, and while its first sending is in flight.
 * - `never`: nobody knows whether a lost one was obeyed; the caller has to look.
 */
export type Repeat = 'safe' | 'keyed' | 'never';

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8_000;
/** A server that wants to be left alone for longer is obeyed by giving up. */
export const LONGEST_RETRY_AFTER = 60;

export function mayRepeat(error: unknown, repeat: Repeat): boolean {
  if (repeat === 'never') return false;
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  if (!(error instanceof ApiError)) return false;
  if (error.code === 'IDEMPOTENCY_IN_FLIGHT') return repeat === 'keyed';
  return error.status === 429 || error.status >= 500;
}

/** Milliseconds before the next try, `tried` (from 0) having failed; null: not worth waiting for. */
export function pause(
  tried: number,
  error?: unknown,
  random: () => number = Math.random,
): number | null {
  const own = Math.min(FIRST_PAUSE * 2 ** tried, LONGEST_PAUSE) * (0.5 + random() / 2);
  const asked = error instanceof ApiError ? error.retryAfter : undefined;
  if (asked === undefined) return own;
  // A little later than asked, so that those who were refused together do not return together.
  return asked > LONGEST_RETRY_AFTER ? null : Math.max(own, asked * 1000 + random() * 250);
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
