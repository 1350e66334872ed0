import type { CrackTrader } from './client.js';
import { CrackTraderError, SweepFailedError } from './errors.js';
import type { SweepDetail } from './models.js';
import type { RunSweepOptions, SweepStart, WaitForSweepOptions } from './requests.js';
import { deadline, sleep } from './timing.js';
import { codeAndMessage, isOver } from './waiting.js';

const FIRST_POLL = 100;
const SLOWEST_POLL = 3_000;
const GROWTH = 1.5;

/** The sweep once it is over, however it ended. */
export async function waitForSweep(
  api: CrackTrader,
  sweepId: string,
  { onProgress, signal, timeout = 0 }: WaitForSweepOptions = {},
): Promise<SweepDetail> {
  const limit = deadline(timeout, signal, `sweep ${sweepId} was not over`);
  try {
    return await until(api, sweepId, limit.signal, onProgress);
  } finally {
    limit.clear();
  }
}

export async function runSweep(
  api: CrackTrader,
  request: SweepStart,
  { onProgress, signal, timeout = 0, idempotencyKey }: RunSweepOptions,
): Promise<SweepDetail> {
  const limit = deadline(timeout, signal, 'the sweep was not over');
  const patient = { signal: limit.signal, rateLimitWait: Infinity };
  try {
    const named = idempotencyKey === undefined ? {} : { idempotencyKey };
    const { sweep_id } = await api.startSweep(request, { ...patient, ...named });
    const sweep = await until(api, sweep_id, limit.signal, onProgress);
    if (sweep.status !== 'failed') return sweep;
    const { code, message } = codeAndMessage(sweep.error);
    throw new SweepFailedError(sweep_id, code, message, sweep.error_details);
  } finally {
    limit.clear();
  }
}

async function until(
  api: CrackTrader,
  sweepId: string,
  signal: AbortSignal,
  onProgress: WaitForSweepOptions['onProgress'],
): Promise<SweepDetail> {
  try {
    for (let pause = FIRST_POLL; ; pause = Math.min(pause * GROWTH, SLOWEST_POLL)) {
      const sweep = await api.getSweep(sweepId, { signal, rateLimitWait: Infinity });
      onProgress?.(sweep);
      if (isOver(sweep.status)) return sweep;
      await sleep(pause, signal);
    }
  } catch (error) {
    if (error instanceof CrackTraderError) error.sweepId ??= sweepId;
    throw error;
  }
}
