import type { CrackTrader } from './client.js';
import type { operations } from './schema.js';

/**
 * Which method asks for which operation of the API.  The compiler refuses this
 * table when the schema has an operation that it lacks.
 */
export const OPERATIONS = {
  account: 'getAccount',
  account_kill: 'killAccount',
  account_release: 'releaseAccount',
  accounts: 'listAccounts',
  balance: 'getBalance',
  cancel_order: 'cancelOrder',
  check_strategy: 'checkStrategy',
  discrepancies: 'listDiscrepancies',
  exchanges: 'listExchanges',
  health: 'health',
  meta: 'getMeta',
  order: 'getOrder',
  orders: 'listOrders',
  place_order: 'placeOrder',
  positions: 'getPositions',
  resolve_discrepancy: 'resolveDiscrepancy',
  results: 'getResults',
  run: 'getRun',
  run_artifact: 'downloadArtifact',
  run_artifacts: 'getArtifacts',
  run_backtest: 'startBacktest',
  run_drift: 'getDrift',
  run_equity: 'getEquity',
  run_events: 'getEvents',
  run_live: 'startLive',
  run_orders: 'getRunOrders',
  run_reset: 'resetRunner',
  run_stop: 'stopRun',
  run_trades: 'getTrades',
  runs: 'listRuns',
  status: 'getStatus',
  status_detailed: 'getDetailedStatus',
  strategies: 'listStrategies',
  strategy: 'getStrategy',
} as const satisfies Record<keyof operations, keyof CrackTrader>;
