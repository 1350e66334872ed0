// operations.mjs: calls the method of each operation with all it takes; prints the requests.
import { CrackTrader, OPERATIONS } from '../../../sdk/js/dist/esm/index.js';

const RUN = 'a run/1';
const ALL = { cursor: '1', limit: 1 };
const HOLDINGS = { run_id: RUN, account_id: 'a/1' };
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
  getTrades: [RUN, ALL],
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
  placeOrder: [{ symbol: 'BTC/USDT' }],
  releaseAccount: ['a/1', {}],
  resolveDiscrepancy: [1, {}],
  startBacktest: [{}],
  startLive: [{}],
  stopRun: [RUN, { flatten: true }],
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
