import { CrackTrader } from './client.js';

export { CrackTrader, type CrackTraderOptions } from './client.js';
export { ErrorCode } from './codes.js';
export type { StreamOptions } from './connecting.js';
export type { Moment } from './encoding.js';
export {
  type AnyErrorCode,
  ApiError,
  ConnectionError,
  CrackTraderError,
  type ErrorDetails,
  InvalidRequestError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitedError,
  RunFailedError,
  ServerError,
  SweepFailedError,
  TimeoutError,
  UnauthorizedError,
} from './errors.js';
export type * from './events.js';
export type { FetchLike, RequestOptions } from './http.js';
export type * from './models.js';
export { OPERATIONS } from './operations.js';
export type * from './requests.js';
export type { EventOptions } from './run-events.js';
export type { components, operations, paths } from './schema.js';
export type { WebSocketConstructor, WebSocketLike } from './socket.js';
export type { TickerOptions } from './streams.js';

export default CrackTrader;
