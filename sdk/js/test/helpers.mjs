import { CrackTrader } from '../dist/esm/index.js';

export const KEY = 'ct_0123456789ab_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcde';

export function answer(status, body, headers = {}) {
  return new Response(JSON.stringify(body), { status, headers });
}

export function failure(status, code, details = {}, headers = {}) {
  return answer(status, { error: { code, message: `it is ${code}`, details } }, headers);
}

/** A client whose requests get `answers` in turn: a Response, or an Error to throw; and the requests. */
export function scripted(answers, options = {}) {
  const requests = [];
  const fetch = async (url, init) => {
    requests.push({ url: new URL(url), ...init });
    const next = typeof answers === 'function' ? answers(requests.length) : answers.shift();
    if (next === 'silence') {
      return new Promise((_, reject) => {
        if (init.signal.aborted) reject(init.signal.reason);
        init.signal.addEventListener('abort', () => reject(init.signal.reason));
      });
    }
    if (next instanceof Error) throw next;
    return next;
  };
  const api = new CrackTrader({ apiKey: KEY, baseUrl: 'http://desk.test', fetch, ...options });
  return { api, requests };
}

export const lost = () => new TypeError('fetch failed', { cause: new Error('other side closed') });

export const refused = () =>
  new TypeError('fetch failed', {
    cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
  });
