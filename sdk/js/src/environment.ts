import { CrackTraderError } from './errors.js';

const DEFAULT_URL = 'http://127.0.0.1:8000';
const API_PATH = '/api/v1';

/** An environment variable, where there is an environment. */
export function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name] || undefined;
}

export interface Addresses {
  /** Of the REST API, without a slash at its end. */
  api: string;
  /** Of the WebSocket. */
  socket: string;
}

/** `baseUrl` may end with `/api/v1`, with a slash, or with neither. */
export function addresses(
  baseUrl: string = environment('CRACKTRADER_URL') ?? DEFAULT_URL,
): Addresses {
  let url: URL;
  try {
    url = new URL(baseUrl);
  } catch {
    throw new CrackTraderError('baseUrl must be a whole URL, such as http://127.0.0.1:8000');
  }
  if (!/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new CrackTraderError('baseUrl must be http(s)://host[:port][/path] and nothing more');
  }
  const path = url.pathname.replace(/\/+$/, '');
  const root = url.origin + (path.endsWith(API_PATH) ? path.slice(0, -API_PATH.length) : path);
  return { api: root + API_PATH, socket: `${root.replace(/^http/, 'ws')}/ws` };
}
