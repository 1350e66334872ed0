// follow.mjs PORT RUN_ID CUTS [ticker|tickers|all] OPTIONS: follows through a proxy that cuts every
// connection at random (with {"freeze": true}: passes nothing on any more), CUTS times; prints what it was told, as one line of JSON.
import { CrackTrader } from '../../../sdk/js/dist/esm/index.js';
import { proxy } from './proxy.mjs';

const [port, runId, cuts, kind = 'events', json = '{}'] = process.argv.slice(2);
const { seed = 1, untilRun, count = Infinity, nap = 0, freeze = false, ...options } = JSON.parse(json);
let state = seed;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;

let left = Number(cuts);
let connections = 0;
const between = await proxy(Number(port), (client, upstream) => {
  connections += 1;
  if (left === 0) return false;
  left -= 1;
  let bytes = 400 + random() * (random() < 0.3 ? 2_000 : 25_000);
  upstream.on('data', (chunk) => {
    bytes -= chunk.length;
    // Mid-frame: what is left of the chunk does not arrive.
    client.write(bytes < 0 ? chunk.subarray(0, chunk.length + bytes) : chunk);
    if (bytes < 0 && freeze) upstream.removeAllListeners('data').resume();
    else if (bytes < 0) client.destroy();
  });
  return true;
});

const api = new CrackTrader({ baseUrl: between.url });
const streams = {
  events: () => api.streamEvents({ runId, ...options }),
  ticker: () => api.streamTicker({ runId, ...options }),
  all: () => api.streamEvents(options),
  tickers: () => api.streamTicker(options),
};
const told = [];
console.log('following');
for await (const event of streams[kind]()) {
  told.push([event.run_id, event.channel, event.seq, event.symbol ?? null]);
  if (told.length === 1) await new Promise((resolve) => setTimeout(resolve, nap));
  if (event.run_id === untilRun || told.length === count) break;
}
await between.close();
console.log(JSON.stringify({ told, cuts: Number(cuts) - left, connections }));
