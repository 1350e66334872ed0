import type { CrackTrader } from './client.js';
import { CrackTraderError, RunFailedError } from './errors.js';
import type { Gate } from './gate.js';
import type { RequestOptions } from './http.js';
import type { ResultsResponse, RunDetail } from './models.js';
import { collect } from './paging.js';
import type {
  BacktestStart,
  LoadOptions,
  RunBacktestOptions,
  StartedRun,
  StartOptions,
  WaitOptions,
} from './requests.js';
import { deadline, sleep } from './timing.js';

const FIRST_POLL = 100;
const SHORTEST_POLL = 40;
/** Milliseconds at most, of one waiter and of each of many. */
const SLOWEST_POLL = 2_000;
const SLOWEST_OF_MANY = 1_200;
const GROWTH = 1.5;
const GROWTH_OF_MANY = 2;
const PAGE = 10_000;
const ROWS_CUT = 'ROWS_CUT';

export function isOver(status: string): boolean {
  return status === 'completed' || status === 'failed' || status === 'stopped';
}

/**
 * How often the runs that one client waits for are looked at: first when the last
 * ones would have been over, and the slower the more of them there are and the
 * fewer requests the server's limit has left.
 */
export class Pace {
  readonly #gate: Gate;
  #waiting = 0;
  /** Of the last runs; undefined before the first. */
  #usual: number | undefined;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  begin(): void {
    this.#waiting += 1;
  }

  end(): void {
    this.#waiting -= 1;
  }

  /** Milliseconds that a run took, from its making to its end. */
  learn(took: number): void {
    if (!(took >= 0)) return;
    this.#usual = this.#usual === undefined ? took : (this.#usual + took) / 2;
  }

  /** Milliseconds before the next look; `looks`: how many there were. */
  pause(looks: number): number {
    const count = Math.max(this.#waiting, 1);
    const usual = this.#usual === undefined ? FIRST_POLL : this.#usual * 1.1 + 10;
    const first = Math.min(Math.max(usual, SHORTEST_POLL), SLOWEST_POLL / 2);
    const slowest = Math.max(SLOWEST_POLL, SLOWEST_OF_MANY * count);
    let own = first * count * GROWTH_OF_MANY ** looks;
    if (count === 1 && looks > 0) own = Math.max(first / 2, SHORTEST_POLL) * GROWTH ** looks;
    return Math.max(Math.min(own, slowest), this.#gate.spacing(count));
  }
}

/** The run once it is over, however it ended. */
export async function waitForRun(
  api: CrackTrader,
  pace: Pace,
  runId: string,
  { onProgress, signal, timeout = 0 }: WaitOptions = {},
): Promise<RunDetail> {
  const limit = deadline(timeout, signal, `run ${runId} was not over`);
  pace.begin();
  try {
    return await about(runId, until(api, pace, runId, limit.signal, onProgress, true));
  } finally {
    pace.end();
    limit.clear();
  }
}

export function runBacktest(
  api: CrackTrader,
  pace: Pace,
  request: BacktestStart,
  options: RunBacktestOptions,
): Promise<ResultsResponse> {
  return whole(api, pace, (how) => api.startBacktest(request, how), options);
}

/** A trial's own backtest. */
export function runTrial(
  api: CrackTrader,
  pace: Pace,
  sweepId: string,
  number: number,
  options: RunBacktestOptions,
): Promise<ResultsResponse> {
  return whole(api, pace, (how) => api.startTrial(sweepId, number, {}, how), options);
}

async function whole(
  api: CrackTrader,
  pace: Pace,
  start: (options: StartOptions) => Promise<StartedRun>,
  { onProgress, signal, timeout = 0, tables = false, idempotencyKey }: RunBacktestOptions,
): Promise<ResultsResponse> {
  const limit = deadline(timeout, signal, 'the backtest was not over');
  const patient = { signal: limit.signal, rateLimitWait: Infinity };
  pace.begin();
  let isWaiting = true;
  const wait = (): void => {
    if (isWaiting) pace.end();
    isWaiting = false;
  };
  try {
    const named = idempotencyKey === undefined ? {} : { idempotencyKey };
    const { run_id } = await start({ ...patient, ...named });
    return await about(
      run_id,
      (async () => {
        const run = await until(api, pace, run_id, limit.signal, onProgress, false);
        wait();
        if (run.status === 'failed') throw failure(run);
        return loadResults(api, run_id, { ...patient, tables });
      })(),
    );
  } finally {
    wait();
    limit.clear();
  }
}

async function until(
  api: CrackTrader,
  pace: Pace,
  runId: string,
  signal: AbortSignal,
  onProgress: WaitOptions['onProgress'],
  atOnce: boolean,
): Promise<RunDetail> {
  // A run that was only just started is not over.
  if (!atOnce) await sleep(pace.pause(0), signal);
  for (let looks = 1; ; looks += 1) {
    const run = await api.getRun(runId, { signal, rateLimitWait: Infinity });
    onProgress?.({ run_id: runId, status: run.status, fraction: run.progress });
    if (isOver(run.status)) {
      if (run.end_time) pace.learn(Date.parse(run.end_time) - Date.parse(run.created_at));
      return run;
    }
    await sleep(pace.pause(atOnce ? looks - 1 : looks), signal);
  }
}

/** What `/results` says; with `tables`, all rows. */
export function loadResults(
  api: CrackTrader,
  runId: string,
  { tables = false, ...options }: LoadOptions,
): Promise<ResultsResponse> {
  return about(
    runId,
    (async () => {
      const results = await api.getResults(runId, options);
      return tables ? loadTables(api, results, options) : results;
    })(),
  );
}

/** Results with all trades, orders and points of the equity curve. */
export async function loadTables(
  api: CrackTrader,
  results: ResultsResponse,
  options: RequestOptions,
): Promise<ResultsResponse> {
  const { run_id, trades, trades_total, orders, orders_total } = results;
  const all = { limit: PAGE };
  const isWhole = trades.length >= trades_total;
  const hasOrders = orders.length >= orders_total;
  return about(
    run_id,
    (async () => ({
      ...results,
      trades: isWhole ? trades : await collect(api.iterateTrades(run_id, all, options)),
      orders: hasOrders ? orders : await collect(api.iterateRunOrders(run_id, all, options)),
      equity_curve: await collect(api.iterateEquity(run_id, all, options)),
      warnings: results.warnings.filter((warning) => !warning.startsWith(ROWS_CUT)),
    }))(),
  );
}

/** Its errors name the run. */
async function about<T>(runId: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof CrackTraderError) error.runId ??= runId;
    throw error;
  }
}

export function failure(
  run: Pick<RunDetail, 'run_id' | 'error' | 'error_details'>,
): RunFailedError {
  const { code, message } = codeAndMessage(run.error);
  return new RunFailedError(run.run_id, code, message, run.error_details);
}

/** The `error` of a run or a sweep is `CODE: message`. */
export function codeAndMessage(told: string | null): { code: string; message: string } {
  const error = told ?? 'RUN_FAILED: no reason given';
  const [, code = 'RUN_FAILED', message = error] = /^([A-Z][A-Z0-9_]*): ?(.*)$/s.exec(error) ?? [];
  return { code, message };
}
