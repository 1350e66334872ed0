// operations.mjs: calls the method of each operation with all it takes; prints the requests.
import { CrackTrader, OPERATIONS } from '../../../sdk/js/dist/esm/index.js';

const RUN = 'a run/1';
const ALL = { cursor: '1', limit: 1 };
const HOLDINGS = { run_id: RUN, account_id: 'a/1' };
const SWEEP = 'a sweep/1';
const ARGUMENTS = {
  cancelOrder: ['o/1'],
  checkStrategy: ['s/1', {}],
  downloadArtifact: [RUN, 'trades'],
  getAccount: ['a/1'],
  getArtifacts: [RUN],
  getBalance: [HOLDINGS],
  getDetailedStatus: [RUN],
  getDrift: [RUN],
  getEquity: [RUN, ALL],
  getEvents: [RUN, 3, { limit: 1 }],
  getOrder: ['o/1'],
  getPositions: [HOLDINGS],
  getResults: [RUN],
  getRun: [RUN],
  getRunOrders: [RUN, ALL],
  getStatus: [RUN],
  getStrategy: ['s/1'],
  getSweep: [SWEEP],
  getTrades: [RUN, ALL],
  getTrial: [SWEEP, 3],
  killAccount: ['a/1', {}],
  listDiscrepancies: [{ ...HOLDINGS, ...ALL, open: 'true' }],
  listExchanges: [{ all: true }],
  listOrders: [{ ...HOLDINGS, ...ALL, status: 'open', symbol: 'BTC/USDT' }],
  listRuns: [
    {
      ...ALL,
      exchange: 'e',
      mode: 'paper',
      order: 'oldest',
      status: 'running',
      strategy_name: 's',
      symbol: 'BTC/USDT',
    },
  ],
  listSweeps: [ALL],
  deleteSweep: [SWEEP],
  listSweepTrials: [
    SWEEP,
    { ...ALL, failed: 'false', segment: 0, sort: '-objective', variation: 0 },
  ],
  placeOrder: [{ symbol: 'BTC/USDT' }],
  releaseAccount: ['a/1', {}],
  resolveDiscrepancy: [1, {}],
  startBacktest: [{}],
  startLive: [{}],
  startSweep: [{}],
  startTrial: [SWEEP, 3, { mode: 'paper' }],
  stopRun: [RUN, { flatten: true }],
  stopSweep: [SWEEP],
  sweepEquity: [SWEEP, { points: 10 }],
  sweepHeatmap: [
    SWEEP,
    { x: 'fast', y: 'slow', metric: 'sharpe_ratio', fixed: { mean: 5 }, segment: 0, variation: 0 },
  ],
};

const seen = {};
for (const [operation, method] of Object.entries(OPERATIONS)) {
  const fetch = async (url, { method: verb, headers, body }) => {
    const { pathname, searchParams } = new URL(url);
    const query = [...searchParams.keys()];
    seen[operation] = {
      verb,
      path: pathname,
      query,
      headers: Object.keys(headers),
      body: body ?? null,
    };
    return new Response('{}');
  };
  await new CrackTrader({ fetch })[method](...(ARGUMENTS[method] ?? []));
}
console.log(JSON.stringify(seen));
