import { CrackTraderError } from './errors.js';

/** A time with its zone, a `Date`, or a day such as `2024-01-01`: its midnight in UTC. */
export type Moment = string | Date;

const DAY = /^\d{4}-\d\d-\d\d$/;

/** As the API writes times; what is no day is the server's to judge. */
function moment<T>(value: T | Moment, field: string): T | string {
  if (value instanceof Date) return isoOf(value, field);
  return typeof value === 'string' && DAY.test(value) ? `${value}T00:00:00Z` : (value as T);
}

/** A request whose `start_date` and `end_date` are as the API writes times. */
export function dated<T extends object>(request: T): T {
  const found = { ...request } as Record<string, unknown>;
  for (const name of ['start_date', 'end_date']) {
    if (name in found) found[name] = moment(found[name], name);
  }
  return found as T;
}

/** JSON.  Throws CrackTraderError for what JSON has no word for, naming the field. */
export function encode(body: unknown): string {
  return JSON.stringify(plain(body, ''));
}

export function queryString(query: Record<string, unknown> = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) given.set(name, String(plain(value, name)));
  }
  const text = given.toString();
  return text && `?${text}`;
}

function plain(value: unknown, field: string): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new CrackTraderError(`${field} is ${value}: a finite number is needed`);
  }
  if (typeof value === 'bigint') throw new CrackTraderError(`${field} is a BigInt: JSON has none`);
  if (value instanceof Date) return isoOf(value, field);
  if (Array.isArray(value)) return value.map((item, index) => plain(item, `${field}[${index}]`));
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      plain(item, field === '' ? name : `${field}.${name}`),
    ]),
  );
}

function isoOf(date: Date, field: string): string {
  if (Number.isNaN(date.getTime())) throw new CrackTraderError(`${field} is an invalid Date`);
  return date.toISOString();
}
