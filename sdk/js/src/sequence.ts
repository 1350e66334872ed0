/** An event of the stream, as far as its place is concerned. */
export interface Placed {
  channel: string;
  seq: number;
  data: unknown;
}

/**
 * Puts the events of a run's channels in order.
 *
 * A run's events are numbered without a hole, and each is told on one of the
 * channels.  Some of `status` are told in `logs` too: there they are left out.
 * So with all channels subscribed an event's turn has come when all before it
 * have been let through, whatever came first.
 */
export class Sequence<E extends Placed> {
  #last: number;
  readonly #early = new Map<number, E>();

  /** `last`: the seq after which events are wanted. */
  constructor(last: number) {
    this.#last = last;
  }

  /** The seq up to which all was let through. */
  get last(): number {
    return this.#last;
  }

  /** How many events wait for those before them. */
  get waiting(): number {
    return this.#early.size;
  }

  /** The events whose turn this one makes it; none for one that came already. */
  take(event: E): E[] {
    if (event.seq <= this.#last || this.#early.has(event.seq) || isTwin(event)) return [];
    this.#early.set(event.seq, event);
    return this.release();
  }

  /** All up to `seq` has been told otherwise; `release` has what waited for that. */
  pass(seq: number): void {
    for (const early of [...this.#early.keys()]) if (early <= seq) this.#early.delete(early);
    this.#last = Math.max(this.#last, seq);
  }

  release(): E[] {
    const released: E[] = [];
    for (;;) {
      const next = this.#early.get(this.#last + 1);
      if (next === undefined) return released;
      this.#last += 1;
      this.#early.delete(this.#last);
      released.push(next);
    }
  }
}

/** What `status` tells of as well. */
function isTwin({ channel, data }: Placed): boolean {
  return channel === 'logs' && String((data as { event?: unknown } | null)?.event).startsWith('run.');
}
