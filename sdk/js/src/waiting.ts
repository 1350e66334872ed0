import type { CrackTrader } from './client.js';
import { RunFailedError } from './errors.js';
import type { RunDetail } from './models.js';
import { collect } from './paging.js';
import type { BacktestResults, WaitOptions } from './requests.js';
import { deadline, sleep } from './timing.js';

const FIRST_POLL = 100;
const SLOWEST_POLL = 2_000;
const PAGE = 10_000;
const ROWS_CUT = 'ROWS_CUT';

export function isOver(status: string): boolean {
  return status === 'completed' || status === 'failed' || status === 'stopped';
}

/** Milliseconds between one look and the next: soon for short runs, 30 a minute for long ones. */
export function pollPause(polls: number): number {
  return Math.min(FIRST_POLL * 1.5 ** polls, SLOWEST_POLL);
}

/** The run once it is over, however it ended. */
export async function waitForRun(
  api: CrackTrader,
  runId: string,
  { onProgress, signal, timeout = 0 }: WaitOptions = {},
): Promise<RunDetail> {
  const limit = deadline(timeout, signal, `run ${runId} was not over`);
  try {
    for (let polls = 0; ; polls += 1) {
      const run = await api.getRun(runId, { signal: limit.signal });
      onProgress?.({ run_id: runId, status: run.status, fraction: run.progress });
      if (isOver(run.status)) return run;
      await sleep(pollPause(polls), limit.signal);
    }
  } finally {
    limit.clear();
  }
}

/** Everything of a run that is over.  Throws RunFailedError for one that failed. */
export async function resultsOf(
  api: CrackTrader,
  run: RunDetail,
  signal?: AbortSignal,
): Promise<BacktestResults> {
  if (run.status === 'failed') throw failure(run);
  const options = signal ? { signal } : {};
  const results = await api.getResults(run.run_id, options);
  const all = { limit: PAGE };
  const { trades, trades_total, orders, orders_total } = results;
  return {
    ...results,
    trades:
      trades.length < trades_total
        ? await collect(api.iterateTrades(run.run_id, all, options))
        : trades,
    orders:
      orders.length < orders_total
        ? await collect(api.iterateRunOrders(run.run_id, all, options))
        : orders,
    equity_curve: await collect(api.iterateEquity(run.run_id, all, options)),
    warnings: results.warnings.filter((warning) => !warning.startsWith(ROWS_CUT)),
  };
}

/** A run's `error` is `CODE: message`. */
export function failure(
  run: Pick<RunDetail, 'run_id' | 'error' | 'error_details'>,
): RunFailedError {
  const error = run.error ?? 'RUN_FAILED: The run failed';
  const [, code = 'RUN_FAILED', message = error] = /^([A-Z][A-Z0-9_]*): ?(.*)$/s.exec(error) ?? [];
  return new RunFailedError(run.run_id, code, message, run.error_details);
}
