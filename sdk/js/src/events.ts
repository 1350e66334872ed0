import type { ErrorDetails } from './errors.js';
import type { RunStatusEnum, TradeSchema } from './models.js';

interface Told<Channel extends string, Data> {
  channel: Channel;
  run_id: string;
  /** The event's number in its run, from 1 without a hole. */
  seq: number;
  data: Data;
}

/** `timestamp` is UTC milliseconds everywhere. */
export type StatusEvent = Told<
  'status',
  {
    /** null where the event changes none. */
    status: RunStatusEnum | null;
    event: string;
    run_id: string;
    reason: string | null;
    error: { code: string; message: string; details: ErrorDetails } | null;
    timestamp: number;
  }
>;

export type OrderEvent = Told<
  'orders',
  {
    order_id: string;
    status: string;
    symbol: string;
    side: 'buy' | 'sell';
    /** null until it fills, as the price. */
    amount: number | null;
    price: number | null;
    timestamp: number | null;
  }
>;

export type TradeEvent = Told<'trades', TradeSchema>;

export type EquityEvent = Told<
  'equity',
  { timestamp: number; value: number; cash: number; late: boolean }
>;

export type LogEvent = Told<
  'logs',
  { level: 'info' | 'warning'; event: string; details: ErrorDetails; timestamp: number }
>;

/** A closed bar. */
export type TickerEvent = Told<
  'ticker',
  { last: number; bid: number | null; ask: number | null; volume: number; timestamp: number }
> & { symbol: string };

export type StreamEvent = StatusEvent | OrderEvent | TradeEvent | EquityEvent | LogEvent;
export type Channel = StreamEvent['channel'];

export const CHANNELS: readonly Channel[] = ['status', 'orders', 'trades', 'equity', 'logs'];

const ENDS: ReadonlySet<string> = new Set(['run.completed', 'run.failed', 'run.stopped']);

/** Whether the event is a run's end. */
export function endsRun(event: StreamEvent | TickerEvent): boolean {
  return event.channel === 'status' && ENDS.has(event.data.event);
}
