import { dated, encode } from './encoding.js';
import { addresses, environment } from './environment.js';
import type { EventOptions } from './run-events.js';
import type { StreamEvent, TickerEvent } from './events.js';
import { CrackTraderError } from './errors.js';
import { type Call, type FetchLike, type Query, type RequestOptions, Transport } from './http.js';
import type * as m from './models.js';
import { rowsOf } from './paging.js';
import type * as r from './requests.js';
import { newIdempotencyKey } from './retries.js';
import type { WebSocketConstructor } from './socket.js';
import { runSweep, waitForSweep } from './sweeps.js';
import { streamEvents, streamTicker, type TickerOptions } from './streams.js';
import { loadResults, loadTables, Pace, runBacktest, runTrial, waitForRun } from './waiting.js';

export interface CrackTraderOptions {
  /** `ct_…`; default: CRACKTRADER_API_KEY of the environment, else none.  '' is none, too. */
  apiKey?: string;
  /** With or without `/api/v1`; default: CRACKTRADER_URL, else http://127.0.0.1:8000. */
  baseUrl?: string;
  /** Milliseconds for each try of a request (default 30,000); 0: as long as it takes. */
  timeout?: number;
  /** Tries after the first (default 5), where trying again is safe. */
  maxRetries?: number;
  /** Seconds a call waits in all where the server's limit says so (default 300); 0: throws at once. */
  rateLimitWait?: number;
  /** Default: the global one. */
  fetch?: FetchLike;
  /** Default: the global one, which Node has from version 22 on. */
  WebSocket?: WebSocketConstructor;
}

// What a header and a WebSocket's subprotocol can both carry.
const KEY = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const IDEMPOTENCY_KEY = /^[ -~]{1,255}$/;
const PAGE = 500;
const BIG_PAGE = 5_000;

/**
 * A desk's API.  Bodies and answers have the wire's names (`strategy_name`);
 * every method takes `{signal, timeout, maxRetries, rateLimitWait}` last.
 */
export class CrackTrader {
  readonly #transport: Transport;
  readonly #pace: Pace;
  readonly #apiKey: string | undefined;
  readonly #socketUrl: string;
  readonly #timeout: number;
  readonly #maxRetries: number;
  readonly #WebSocket: WebSocketConstructor | undefined;

  constructor(options: CrackTraderOptions = {}) {
    const apiKey = (options.apiKey ?? environment('CRACKTRADER_API_KEY'))?.trim() || undefined;
    if (apiKey !== undefined && !KEY.test(apiKey)) {
      throw new CrackTraderError('apiKey holds a character that no key has');
    }
    const { api, socket } = addresses(options.baseUrl);
    const fetch = options.fetch ?? globalThis.fetch;
    if (fetch === undefined)
      throw new CrackTraderError('There is no fetch: Node 20 or newer is needed');
    this.#apiKey = apiKey;
    this.#socketUrl = socket;
    this.#timeout = options.timeout ?? 30_000;
    this.#maxRetries = options.maxRetries ?? 5;
    this.#WebSocket = options.WebSocket;
    this.#transport = new Transport({
      baseUrl: api,
      apiKey,
      timeout: this.#timeout,
      maxRetries: this.#maxRetries,
      rateLimitWait: options.rateLimitWait ?? 300,
      fetch,
    });
    this.#pace = new Pace(this.#transport.gate);
  }

  // --- the server ---------------------------------------------------------------------

  health(options?: RequestOptions): Promise<m.HealthResponse> {
    return this.#get('/health', {}, options);
  }

  /** Versions, limits, deprecations, and who the server takes the caller for. */
  getMeta(options?: RequestOptions): Promise<m.MetaResponse> {
    return this.#get('/meta', {}, options);
  }

  // --- runs ---------------------------------------------------------------------------

  /** Of the current run, or of `runId`. */
  getStatus(runId?: string, options?: RequestOptions): Promise<m.StatusResponse> {
    return this.#get('/status', { run_id: runId }, options);
  }

  getDetailedStatus(runId?: string, options?: RequestOptions): Promise<m.DetailedStatusResponse> {
    return this.#get('/status/detailed', { run_id: runId }, options);
  }

  /** Starts a backtest and does not wait.  Sent again over a lost connection it makes one run. */
  async startBacktest(
    request: r.BacktestStart,
    options: r.StartOptions = {},
  ): Promise<r.StartedRun> {
    return this.#start('/run/backtest', dated(request), options);
  }

  /**
   * Starts a backtest, waits for its end and returns what `/results` says of it;
   * `{tables: true}`: with all trades, orders and points of equity.  Throws
   * RunFailedError where it failed; every error after the start has `runId`.
   */
  runBacktest(
    request: r.BacktestStart,
    options: r.RunBacktestOptions = {},
  ): Promise<m.ResultsResponse> {
    return runBacktest(this, this.#pace, request, options);
  }

  /** Starts paper trading, a replay, or with mode `live` and `confirm_live` real trading. */
  async startLive(request: r.LiveRequest, options: r.StartOptions = {}): Promise<r.StartedRun> {
    const { replay } = request;
    const body = { mode: 'paper', ...request, ...(replay && { replay: dated(replay) }) };
    return this.#start('/run/live', body, options);
  }

  /** The run once it is over, however it ended. */
  waitForRun(runId: string, options?: r.WaitOptions): Promise<m.RunDetail> {
    return waitForRun(this, this.#pace, runId, options);
  }

  /** Stops the current run, or `runId`. */
  stopRun(
    runId?: string,
    { flatten = false, ...options }: r.StopOptions = {},
  ): Promise<m.RunResponse> {
    const body = runId === undefined ? { flatten } : { run_id: runId, flatten };
    // Without a name the second sending might meet another run.
    return this.#post('/run/stop', body, runId === undefined ? 'never' : 'safe', options);
  }

  /** The runner is idle again; the history stays.  Never sent twice: it might reset a newer run. */
  resetRunner(options?: RequestOptions): Promise<m.RunResponse> {
    return this.#send({ method: 'DELETE', path: '/run/reset', repeat: 'never' }, options);
  }

  /** Of the last run, or of `runId`: at most 10,000 trades and orders and 1,000 points of equity. */
  getResults(runId?: string, options?: RequestOptions): Promise<m.ResultsResponse> {
    return this.#get('/results', { run_id: runId }, options);
  }

  /** As `getResults`; `{tables: true}`: with all trades, orders and points of equity. */
  loadResults(runId: string, options: r.LoadOptions = {}): Promise<m.ResultsResponse> {
    return loadResults(this, runId, options);
  }

  /** Results with all trades, orders and points of equity, page by page. */
  loadTables(results: m.ResultsResponse, options: RequestOptions = {}): Promise<m.ResultsResponse> {
    return loadTables(this, results, options);
  }

  /** One page. */
  listRuns(filters: r.RunFilters = {}, options?: RequestOptions): Promise<m.RunPage> {
    return this.#get('/runs', filters, options);
  }

  iterateRuns(filters: r.RunFilters = {}, options?: RequestOptions): AsyncGenerator<m.RunSummary> {
    return rowsOf(
      (cursor) => this.listRuns(page(filters, cursor, PAGE), options),
      ({ runs }) => runs,
      filters.cursor,
    );
  }

  getRun(runId: string, options?: RequestOptions): Promise<m.RunDetail> {
    return this.#get(run(runId), {}, options);
  }

  /** One page. */
  getTrades(
    runId: string,
    query: r.PageQuery = {},
    options?: RequestOptions,
  ): Promise<m.TradesPage> {
    return this.#get(run(runId, 'trades'), query, options);
  }

  iterateTrades(
    runId: string,
    query: r.PageQuery = {},
    options?: RequestOptions,
  ): AsyncGenerator<m.TradeSchema> {
    return rowsOf(
      (cursor) => this.getTrades(runId, page(query, cursor, BIG_PAGE), options),
      ({ trades }) => trades,
      query.cursor,
    );
  }

  /** One page of a run's filled orders. */
  getRunOrders(
    runId: string,
    query: r.PageQuery = {},
    options?: RequestOptions,
  ): Promise<m.OrdersPage> {
    return this.#get(run(runId, 'orders'), query, options);
  }

  iterateRunOrders(
    runId: string,
    query: r.PageQuery = {},
    options?: RequestOptions,
  ): AsyncGenerator<m.OrderSchema> {
    return rowsOf(
      (cursor) => this.getRunOrders(runId, page(query, cursor, BIG_PAGE), options),
      ({ orders }) => orders,
      query.cursor,
    );
  }

  /** One page of a run's whole equity curve. */
  getEquity(
    runId: string,
    query: r.PageQuery = {},
    options?: RequestOptions,
  ): Promise<m.EquityPage> {
    return this.#get(run(runId, 'equity'), query, options);
  }

  iterateEquity(
    runId: string,
    query: r.PageQuery = {},
    options?: RequestOptions,
  ): AsyncGenerator<m.EquityPointSchema> {
    return rowsOf(
      (cursor) => this.getEquity(runId, page(query, cursor, BIG_PAGE), options),
      ({ equity }) => equity,
      query.cursor,
    );
  }

  /** What happened to a run after `since`, a `seq`. */
  getEvents(
    runId: string,
    since = 0,
    query: r.EventQuery = {},
    options?: RequestOptions,
  ): Promise<m.EventPage> {
    return this.#get(run(runId, 'events'), { ...query, since }, options);
  }

  /** The recorded events after `since`; `streamEvents` tells those to come as well. */
  async *iterateEvents(
    runId: string,
    since = 0,
    query: r.EventQuery = {},
    options?: RequestOptions,
  ): AsyncGenerator<m.EventSchema, void, undefined> {
    const limit = query.limit ?? BIG_PAGE;
    for (let last = since; ;) {
      const { events } = await this.getEvents(runId, last, { ...query, limit }, options);
      yield* events;
      if (events.length < limit) return;
      last = events.at(-1)?.seq ?? last;
    }
  }

  getArtifacts(runId: string, options?: RequestOptions): Promise<m.ArtifactList> {
    return this.#get(run(runId, 'artifacts'), {}, options);
  }

  /** A Parquet file's bytes. */
  downloadArtifact(
    runId: string,
    name: r.ArtifactName,
    options?: RequestOptions,
  ): Promise<ArrayBuffer> {
    const path = `${run(runId, 'artifacts')}/${encodeURIComponent(name)}`;
    return this.#send({ method: 'GET', path, repeat: 'safe', binary: true }, options);
  }

  /** A paper run beside a backtest over its window. */
  getDrift(runId: string, options?: RequestOptions): Promise<m.DriftResponse> {
    return this.#get(run(runId, 'drift'), {}, options);
  }

  // --- sweeps -------------------------------------------------------------------------

  /** Starts a sweep and does not wait.  Sent again over a lost connection it makes one sweep. */
  async startSweep(request: r.SweepStart, options: r.StartOptions = {}): Promise<m.SweepStarted> {
    return this.#start('/run/sweep', dated(request), options);
  }

  /**
   * Starts a sweep, waits for its end and returns what came of it.  Throws
   * SweepFailedError where it failed; every error after the start has `sweepId`.
   */
  runSweep(request: r.SweepStart, options: r.RunSweepOptions = {}): Promise<m.SweepDetail> {
    return runSweep(this, request, options);
  }

  /** The sweep once it is over, however it ended. */
  waitForSweep(sweepId: string, options?: r.WaitForSweepOptions): Promise<m.SweepDetail> {
    return waitForSweep(this, sweepId, options);
  }

  /** One page, newest first. */
  listSweeps(query: r.SweepQuery = {}, options?: RequestOptions): Promise<m.SweepPage> {
    return this.#get('/sweeps', query, options);
  }

  iterateSweeps(
    query: r.SweepQuery = {},
    options?: RequestOptions,
  ): AsyncGenerator<m.SweepSummary> {
    return rowsOf(
      (cursor) => this.listSweeps(page(query, cursor, PAGE), options),
      ({ sweeps }) => sweeps,
      query.cursor,
    );
  }

  /** How far it is, its best trial, and whether that may be luck. */
  getSweep(sweepId: string, options?: RequestOptions): Promise<m.SweepDetail> {
    return this.#get(sweep(sweepId), {}, options);
  }

  /** Trials that are done stay. */
  stopSweep(sweepId: string, options?: RequestOptions): Promise<m.SweepStarted> {
    return this.#post(`${sweep(sweepId)}/stop`, {}, 'safe', options);
  }

  /**
   * One that is over, with its trials; runs made of them stay.  Sent again after a lost answer it may
   * say SWEEP_NOT_FOUND: it is deleted then.
   */
  deleteSweep(sweepId: string, options?: RequestOptions): Promise<m.SweepStarted> {
    return this.#send({ method: 'DELETE', path: sweep(sweepId), repeat: 'safe' }, options);
  }

  /** One page; `{sort: '-sharpe_ratio'}`: the best first; `'param:fast_period'`: by that. */
  listSweepTrials(
    sweepId: string,
    filters: r.TrialFilters = {},
    options?: RequestOptions,
  ): Promise<m.TrialPage> {
    return this.#get(sweep(sweepId, 'trials'), filters, options);
  }

  iterateSweepTrials(
    sweepId: string,
    filters: r.TrialFilters = {},
    options?: RequestOptions,
  ): AsyncGenerator<m.TrialSchema> {
    return rowsOf(
      (cursor) => this.listSweepTrials(sweepId, page(filters, cursor, BIG_PAGE), options),
      ({ trials }) => trials,
      filters.cursor,
    );
  }

  getTrial(sweepId: string, number: number, options?: RequestOptions): Promise<m.TrialSchema> {
    return this.#get(trial(sweepId, number), {}, options);
  }

  /** Makes a trial a run of its own: its backtest, or with `{mode: 'paper'}` a paper run. */
  async startTrial(
    sweepId: string,
    number: number,
    request: m.TrialRunRequest = {},
    options: r.StartOptions = {},
  ): Promise<r.StartedRun> {
    return this.#start(`${trial(sweepId, number)}/run`, request, options);
  }

  /** A trial's whole backtest, with its trades, as `runBacktest` returns it. */
  runTrial(
    sweepId: string,
    number: number,
    options: r.RunBacktestOptions = {},
  ): Promise<m.ResultsResponse> {
    return runTrial(this, this.#pace, sweepId, number, options);
  }

  /** A metric over two parameters; `fixed` is an object of others' values. */
  sweepHeatmap(
    sweepId: string,
    { fixed, ...query }: r.HeatmapQuery,
    options?: RequestOptions,
  ): Promise<m.HeatmapSchema> {
    const others = fixed === undefined ? {} : { fixed: encode(fixed) };
    return this.#get(sweep(sweepId, 'heatmap'), { ...query, ...others }, options);
  }

  /** The stitched out-of-sample curve of a walk-forward sweep. */
  sweepEquity(
    sweepId: string,
    query: r.SweepEquityQuery = {},
    options?: RequestOptions,
  ): Promise<m.SweepEquity> {
    return this.#get(sweep(sweepId, 'equity'), query, options);
  }

  // --- strategies and venues ----------------------------------------------------------

  listStrategies(options?: RequestOptions): Promise<m.Strategies> {
    return this.#get('/strategies', {}, options);
  }

  getStrategy(name: string, options?: RequestOptions): Promise<m.StrategyDetail> {
    return this.#get(`/strategies/${encodeURIComponent(name)}`, {}, options);
  }

  /** Looks for lookahead and too short a warm-up. */
  checkStrategy(
    name: string,
    request: m.CheckRequest = {},
    options: r.StartOptions = {},
  ): Promise<m.CheckReport> {
    return this.#start(`/strategies/${encodeURIComponent(name)}/check`, request, options);
  }

  /** `{all: true}`: also those that are not common. */
  listExchanges(query: { all?: boolean } = {}, options?: RequestOptions): Promise<m.Exchanges> {
    return this.#get('/exchanges', query, options);
  }

  // --- accounts and orders ------------------------------------------------------------

  listAccounts(options?: RequestOptions): Promise<m.AccountList> {
    return this.#get('/accounts', {}, options);
  }

  getAccount(accountId: string, options?: RequestOptions): Promise<m.AccountSchema> {
    return this.#get(account(accountId), {}, options);
  }

  /** Throws the kill switch. */
  killAccount(
    accountId: string,
    request: m.KillRequest = {},
    options?: RequestOptions,
  ): Promise<m.KillAnswer> {
    return this.#post(`${account(accountId)}/kill`, request, 'safe', options);
  }

  /** Takes the kill switch back.  Never sent twice: it might undo a kill that came between. */
  releaseAccount(
    accountId: string,
    request: m.ReleaseRequest = {},
    options?: RequestOptions,
  ): Promise<m.AccountSchema> {
    return this.#post(`${account(accountId)}/release`, request, 'never', options);
  }

  /** Of the current run; `{run_id}` or `{account_id}` names another. */
  getBalance(query: r.HoldingsQuery = {}, options?: RequestOptions): Promise<m.BalanceResponse> {
    return this.#get('/balance', query, options);
  }

  getPositions(query: r.HoldingsQuery = {}, options?: RequestOptions): Promise<m.PositionList> {
    return this.#get('/positions', query, options);
  }

  /** One page of the orders at venues; with the `run_id` of another run, of its orders. */
  listOrders(filters: r.OrderFilters = {}, options?: RequestOptions): Promise<m.DeskOrderPage> {
    return this.#get('/orders', filters, options);
  }

  iterateOrders(
    filters: r.OrderFilters = {},
    options?: RequestOptions,
  ): AsyncGenerator<m.DeskOrderSchema> {
    return rowsOf(
      (cursor) => this.listOrders(page(filters, cursor, PAGE), options),
      ({ orders }) => orders,
      filters.cursor,
    );
  }

  /** An order by hand.  Sent again over a lost connection it is one order. */
  placeOrder(request: r.OrderRequest, options: r.StartOptions = {}): Promise<m.DeskOrderSchema> {
    // The server wants one name for an order, wherever it is written.
    const name = options.idempotencyKey ?? (request.client_id || undefined);
    return this.#start('/orders', request, {
      ...options,
      ...(name !== undefined && { idempotencyKey: name }),
    });
  }

  getOrder(orderId: string, options?: RequestOptions): Promise<m.OrderDetail> {
    return this.#get(order(orderId), {}, options);
  }

  cancelOrder(orderId: string, options?: RequestOptions): Promise<m.DeskOrderSchema> {
    return this.#send({ method: 'DELETE', path: order(orderId), repeat: 'safe' }, options);
  }

  /** One page of what does not match between a venue's books and the desk's. */
  listDiscrepancies(
    filters: r.DiscrepancyFilters = {},
    options?: RequestOptions,
  ): Promise<m.DiscrepancyPage> {
    return this.#get('/discrepancies', filters, options);
  }

  iterateDiscrepancies(
    filters: r.DiscrepancyFilters = {},
    options?: RequestOptions,
  ): AsyncGenerator<m.DiscrepancySchema> {
    return rowsOf(
      (cursor) => this.listDiscrepancies(page(filters, cursor, PAGE), options),
      ({ discrepancies }) => discrepancies,
      filters.cursor,
    );
  }

  resolveDiscrepancy(
    id: number,
    request: m.ResolveRequest,
    options: r.StartOptions = {},
  ): Promise<m.DiscrepancySchema> {
    return this.#start(`/discrepancies/${encodeURIComponent(id)}/resolve`, request, options);
  }

  // --- streams ------------------------------------------------------------------------

  /**
   * What happens to a run, each event once and in order, over lost connections
   * and restarts; it ends with the run.  Without `runId`: all runs, from now on.
   */
  streamEvents(options: EventOptions = {}): AsyncGenerator<StreamEvent, void, undefined> {
    return streamEvents(this.#streaming(), options);
  }

  /** Closed bars of a run's symbols; without `runId`: those of all your runs, from now on. */
  streamTicker(options: TickerOptions = {}): AsyncGenerator<TickerEvent, void, undefined> {
    return streamTicker(this.#streaming(), options);
  }

  // --- how ----------------------------------------------------------------------------

  #streaming() {
    return {
      api: this,
      url: this.#socketUrl,
      apiKey: this.#apiKey,
      timeout: this.#timeout,
      maxRetries: this.#maxRetries,
      WebSocket: this.#WebSocket,
    };
  }

  #send<T>(call: Call, options?: RequestOptions): Promise<T> {
    return this.#transport.request<T>(call, options);
  }

  #get<T>(path: string, query: Query, options?: RequestOptions): Promise<T> {
    return this.#send({ method: 'GET', path, query, repeat: 'safe' }, options);
  }

  #post<T>(
    path: string,
    body: unknown,
    repeat: 'safe' | 'never',
    options?: RequestOptions,
  ): Promise<T> {
    return this.#send({ method: 'POST', path, body, repeat }, options);
  }

  async #start<T>(path: string, body: unknown, options: r.StartOptions): Promise<T> {
    const idempotencyKey = options.idempotencyKey ?? newIdempotencyKey();
    if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw new CrackTraderError('idempotencyKey must be 1 to 255 printable ASCII characters');
    }
    return this.#send({ method: 'POST', path, body, repeat: 'keyed', idempotencyKey }, options);
  }
}

function run(runId: string, part?: string): string {
  const path = `/runs/${encodeURIComponent(runId)}`;
  return part === undefined ? path : `${path}/${part}`;
}

function sweep(sweepId: string, part?: string): string {
  const path = `/sweeps/${encodeURIComponent(sweepId)}`;
  return part === undefined ? path : `${path}/${part}`;
}

function trial(sweepId: string, number: number): string {
  return `${sweep(sweepId, 'trials')}/${encodeURIComponent(number)}`;
}

function account(accountId: string): string {
  return `/accounts/${encodeURIComponent(accountId)}`;
}

function order(orderId: string): string {
  return `/orders/${encodeURIComponent(orderId)}`;
}

function page<Q extends { limit?: number; cursor?: string }>(
  query: Q,
  cursor: string | undefined,
  limit: number,
): Q {
  return { limit, ...query, ...(cursor !== undefined && { cursor }) };
}
