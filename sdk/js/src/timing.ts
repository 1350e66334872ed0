import { TimeoutError } from './errors.js';

/** Resolves after `ms`; rejects with the signal's reason as soon as that is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

export interface Deadline {
  signal: AbortSignal;
  /** Whether the time ran out, rather than the caller's signal. */
  readonly expired: boolean;
  clear(): void;
}

/** A signal that is aborted after `ms` (0: never), or with the caller's. */
export function deadline(ms: number, signal?: AbortSignal, what = 'no answer'): Deadline {
  const controller = new AbortController();
  let expired = false;
  const follow = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  else signal?.addEventListener('abort', follow, { once: true });
  const expire = (): void => {
    expired = true;
    controller.abort(new TimeoutError(`${what} within ${ms / 1000} s`));
  };
  const timer = ms > 0 ? setTimeout(expire, ms) : undefined;
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    clear() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', follow);
    },
  };
}
