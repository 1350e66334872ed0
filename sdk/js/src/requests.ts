import type { Moment } from './encoding.js';
import type { RequestOptions } from './http.js';
import type {
  BacktestRequest,
  LiveTradingRequest,
  ManualOrderRequest,
  ReplayRequest,
  ResultsResponse,
  RunDetail,
  RunResponse,
  SweepDetail,
  SweepRequest,
} from './models.js';
import type { operations } from './schema.js';

type QueryOf<Name extends keyof operations> = NonNullable<operations[Name]['parameters']['query']>;

export type RunFilters = QueryOf<'runs'>;
export type OrderFilters = QueryOf<'orders'>;
export type DiscrepancyFilters = QueryOf<'discrepancies'>;
/** Of a run's trades, orders and equity. */
export type PageQuery = QueryOf<'run_trades'>;
export type EventQuery = QueryOf<'run_events'>;
/** A run or an account; of neither: the current run. */
export type HoldingsQuery = QueryOf<'balance'>;
export type SweepQuery = QueryOf<'sweeps'>;
export type TrialFilters = QueryOf<'sweep_trials'>;
export type SweepEquityQuery = QueryOf<'sweep_equity'>;
export type HeatmapQuery = Omit<QueryOf<'sweep_heatmap'>, 'fixed'> & {
  /** Values of other parameters than the two. */
  fixed?: Record<string, unknown>;
};
export type ArtifactName = operations['run_artifact']['parameters']['path']['name'];

/** With its times as text, `Date`s or days. */
type Dated<Request extends { start_date?: unknown; end_date?: unknown }> = {
  [Name in keyof Request]: Name extends 'start_date' | 'end_date'
    ? Request[Name] | Moment
    : Request[Name];
};

export type BacktestStart = Dated<BacktestRequest>;
export type SweepStart = Dated<SweepRequest>;
/** Mode `paper` may be left out. */
export type LiveRequest = Omit<LiveTradingRequest, 'mode' | 'replay'> &
  Partial<Pick<LiveTradingRequest, 'mode'>> & { replay?: Dated<ReplayRequest> | null };
/** What a start answers: it always has a run. */
export type StartedRun = RunResponse & { run_id: string };
export type OrderRequest = ManualOrderRequest;

export interface StartOptions extends RequestOptions {
  /** Your own name for this start: sent again with the same body it gives the same run. */
  idempotencyKey?: string;
}

export interface StopOptions extends RequestOptions {
  /** Sell open positions first, at the next open. */
  flatten?: boolean;
}

export interface Progress {
  run_id: string;
  status: RunDetail['status'];
  /** 0 to 1. */
  fraction: number;
}

export interface WaitOptions {
  onProgress?: (progress: Progress) => void;
  /** Aborts the waiting; the run goes on. */
  signal?: AbortSignal;
  /** Milliseconds to wait in all; default: until the run is over. */
  timeout?: number;
}

export interface LoadOptions extends RequestOptions {
  /** Every trade, order and point of the equity curve: one request for each 10,000 of them. */
  tables?: boolean;
}

export interface RunBacktestOptions extends WaitOptions {
  idempotencyKey?: string;
  /** Every trade, order and point of the equity curve: one request for each 10,000 of them. */
  tables?: boolean;
}

export interface WaitForSweepOptions {
  /** Told the sweep each time it is looked at. */
  onProgress?: (sweep: SweepDetail) => void;
  /** Aborts the waiting; the sweep goes on. */
  signal?: AbortSignal;
  /** Milliseconds to wait in all; default: until the sweep is over. */
  timeout?: number;
}

export interface RunSweepOptions extends WaitForSweepOptions {
  idempotencyKey?: string;
}

/** As `/results`. */
export type BacktestResults = ResultsResponse;
