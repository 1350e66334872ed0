const ITERATOR = Object.getPrototypeOf(
  Object.getPrototypeOf((async function* () {})()),
) as object;
// Of a native generator: with [Symbol.asyncIterator], and what else the platform gives it.
const ASYNC_ITERATOR = Object.getPrototypeOf(ITERATOR) as object;

/**
 * The generator that `make` makes, but one that can be left at any time.
 *
 * A generator's own `return()` waits until a `next()` under way is done, which
 * with a quiet stream is never.  Here it aborts what is under way.
 */
export function abandonable<T>(
  signal: AbortSignal | undefined,
  make: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  const controller = new AbortController();
  const follow = (): void => controller.abort(signal?.reason);
  let inner: AsyncGenerator<T, void, undefined> | undefined;
  let left = false;
  const forget = (): void => signal?.removeEventListener('abort', follow);

  async function leave(): Promise<void> {
    left = true;
    forget();
    controller.abort();
    try {
      await inner?.return();
    } catch (error) {
      if (error !== controller.signal.reason) throw error;
    }
  }

  const methods = {
    async next(): Promise<IteratorResult<T, void>> {
      if (left) return { done: true, value: undefined };
      try {
        if (inner === undefined) {
          if (signal?.aborted) follow();
          else signal?.addEventListener('abort', follow, { once: true });
          inner = make(controller.signal);
        }
        const result = await inner.next();
        if (result.done) forget();
        return result;
      } catch (error) {
        forget();
        if (left) return { done: true, value: undefined };
        throw error;
      }
    },
    async return(): Promise<IteratorResult<T, void>> {
      await leave();
      return { done: true, value: undefined };
    },
    async throw(error: unknown): Promise<IteratorResult<T, void>> {
      await leave();
      throw error;
    },
  };
  return Object.assign(Object.create(ASYNC_ITERATOR), methods) as AsyncGenerator<T, void, undefined>;
}
