// lost_answers.mjs PORT TIMES: starts a backtest through a proxy that loses the server's answer to the
// start TIMES times, after the server has given it; prints the run and what was lost.
import { CrackTrader } from '../../../sdk/js/dist/esm/index.js';
import { proxy } from './proxy.mjs';

const [port, times] = process.argv.slice(2).map(Number);
let lost = 0;
const between = await proxy(port, (client, upstream) => {
  let isStart = false;
  client.on('data', (chunk) => (isStart ||= chunk.includes('POST /api/v1/run/backtest')));
  upstream.on('data', (chunk) => {
    if (!isStart || lost >= times) return client.write(chunk);
    lost += 1;
    client.destroy();
  });
  return true;
});
const api = new CrackTrader({ baseUrl: between.url });
const request = {
  strategy_name: 'TestStrategy',
  symbols: ['BTC/USDT'],
  timeframe: '1h',
  exchange: 'simulated',
};
const { run_id } = await api.startBacktest(request);
const run = await api.waitForRun(run_id);
await between.close();
console.log(JSON.stringify({ run_id, lost, status: run.status }));
