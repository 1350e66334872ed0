import type { RateLimitedError } from './errors.js';
import { sleep } from './timing.js';

const JITTER = 250;
// What a server allows by default: 100 requests a minute.
const USUAL_LIMIT = 100;
const WINDOW = 60_000;
/** With so many requests left nobody needs to queue any more. */
const PLENTY = 10;

/**
 * What all calls of one client know of the server's limit.
 *
 * After a 429 nobody asks before its `Retry-After`; then they ask one by one, as
 * often as the limit allows, until the server says that plenty is left.
 */
export class Gate {
  #until = 0;
  #next = 0;
  #refusal: RateLimitedError | undefined;
  #limit = USUAL_LIMIT;
  #remaining = Infinity;
  #reset = 0;

  /** Waits for a turn, at most `budget` milliseconds: else throws the refusal.  The time it took. */
  async enter(budget: number, signal?: AbortSignal): Promise<number> {
    const began = Date.now();
    for (let turn = this.#turn(); ;) {
      const now = Date.now();
      if (now >= turn) return now - began;
      if (this.#refusal && turn - began > budget) throw this.#refusal.again((turn - now) / 1000);
      await sleep(turn - now, signal);
      // Refused again meanwhile: this turn is void.
      if (this.#until > Date.now()) turn = this.#turn();
    }
  }

  /** All that was refused until `wait` milliseconds from now. */
  refuse(error: RateLimitedError, wait: number): void {
    this.#refusal = error;
    const until = Date.now() + wait + Math.random() * JITTER;
    if (until <= this.#until) return;
    this.#until = until;
    this.#next = until;
  }

  /** Reads an answer's `X-RateLimit-…`; another origin's page may not be shown them. */
  hear(headers: Headers): void {
    const [limit, remaining, reset] = ['Limit', 'Remaining', 'Reset'].map((name) => {
      const told = headers.get(`X-RateLimit-${name}`);
      return told === null ? NaN : Number(told);
    }) as [number, number, number];
    if (limit > 0) this.#limit = limit;
    if (!(remaining < PLENTY) && Date.now() >= this.#until) this.#refusal = undefined;
    if (!Number.isFinite(remaining)) return;
    this.#remaining = remaining;
    this.#reset = Number.isFinite(reset) ? reset * 1000 : Date.now() + WINDOW;
  }

  /** Milliseconds between two looks of each of `count` waiters that leave enough for others. */
  spacing(count: number): number {
    const left = Math.min(Math.max(this.#reset - Date.now(), 0), WINDOW);
    const scarcity = Math.max(1 - (4 * this.#remaining) / this.#limit, 0);
    return left === 0 ? 0 : Math.min((left * count * scarcity) / (this.#remaining + 1), WINDOW);
  }

  #turn(): number {
    const now = Date.now();
    if (this.#refusal === undefined) return now;
    const turn = Math.max(now, this.#until, this.#next);
    this.#next = turn + WINDOW / this.#limit;
    return turn;
  }
}
