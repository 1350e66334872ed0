import type { ErrorCode } from './codes.js';

/** Whatever this package throws, an abort aside: that rejects with the signal's reason. */
export class CrackTraderError extends Error {
  /** The run it is about, where it came up in waiting for one: that may go on. */
  declare runId: string | undefined;
  /** The sweep likewise. */
  declare sweepId: string | undefined;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The server could not be reached, or the connection was lost. */
export class ConnectionError extends CrackTraderError {
  /** `unmade`: the request was never sent; `lost`: nobody knows; `wrong`: it never will be. */
  readonly failed: 'unmade' | 'lost' | 'wrong';

  constructor(
    message: string,
    options?: { cause?: unknown },
    failed: ConnectionError['failed'] = 'lost',
  ) {
    super(message, options);
    this.failed = failed;
  }
}

/** The server did not answer, or a run was not over, in the time given. */
export class TimeoutError extends CrackTraderError {}

/** A code of this version of the API, or one that a newer server has. */
export type AnyErrorCode = ErrorCode | (string & {});

export interface ErrorDetails {
  [name: string]: unknown;
}

export interface ErrorAnswer {
  status: number;
  code: AnyErrorCode;
  message: string;
  details?: ErrorDetails;
  /** Seconds. */
  retryAfter?: number | undefined;
}

/** An answer of the API that is an error: its family is the class, `code` says which it is. */
export class ApiError extends CrackTraderError {
  /** Of the HTTP answer; of an error over the WebSocket the one HTTP would have had. */
  readonly status: number;
  /** Stable; a newer server may have codes that `ErrorCode` lacks. */
  readonly code: AnyErrorCode;
  /** What would have been right. */
  readonly details: ErrorDetails;
  /** Seconds after which to come back, where the server said so. */
  readonly retryAfter: number | undefined;

  constructor(answer: ErrorAnswer) {
    super(answer.message);
    this.status = answer.status;
    this.code = answer.code;
    this.details = answer.details ?? {};
    this.retryAfter = answer.retryAfter;
  }
}

/** 400 and the like: the request cannot be obeyed as it is. */
export class InvalidRequestError extends ApiError {}
/** 401: a key is needed, and one that is valid. */
export class UnauthorizedError extends ApiError {}
/** 403: the key, or the server, does not allow this. */
export class PermissionDeniedError extends ApiError {}
/** 404: there is no such thing, or it is another caller's. */
export class NotFoundError extends ApiError {}
/** 429: too many requests. */
export class RateLimitedError extends ApiError {
  /** The same refusal, of a call that was not sent because of it. */
  again(retryAfter: number): RateLimitedError {
    const { status, code, message, details } = this;
    return new RateLimitedError({ status, code, message, details, retryAfter });
  }
}
/** 5xx: a fault of the server. */
export class ServerError extends ApiError {}

/** A run that was waited for ended as `failed`. */
export class RunFailedError extends CrackTraderError {
  declare runId: string;
  readonly code: AnyErrorCode;
  readonly details: ErrorDetails;

  constructor(runId: string, code: AnyErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.runId = runId;
    this.code = code;
    this.details = details;
  }
}

/** A sweep that was waited for ended as `failed`. */
export class SweepFailedError extends CrackTraderError {
  declare sweepId: string;
  readonly code: AnyErrorCode;
  readonly details: ErrorDetails;

  constructor(sweepId: string, code: AnyErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.sweepId = sweepId;
    this.code = code;
    this.details = details;
  }
}

const FAMILIES: Record<number, typeof ApiError> = {
  401: UnauthorizedError,
  403: PermissionDeniedError,
  404: NotFoundError,
  429: RateLimitedError,
};

/** The error of the answer's family; a status that no family has is the server's above 499. */
export function apiError(answer: ErrorAnswer): ApiError {
  const family =
    FAMILIES[answer.status] ?? (answer.status >= 500 ? ServerError : InvalidRequestError);
  return new family(answer);
}

/** Reads the envelope `{"error": {"code", "message", "details"}}`; null where it is none. */
export function readEnvelope(body: unknown): Omit<ErrorAnswer, 'status'> | null {
  if (!isObject(body) || !isObject(body['error'])) return null;
  const { code, message, details } = body['error'];
  if (typeof code !== 'string' || typeof message !== 'string') return null;
  return { code, message, details: isObject(details) ? details : {} };
}

const SOCKET_STATUSES: Record<string, number> = {
  NOT_AUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  FOREIGN_ORIGIN: 403,
  TOO_MANY_CONNECTIONS: 429,
  RATE_LIMITED: 429,
  INTERNAL_ERROR: 500,
};

/** Of an error that came over the WebSocket, which names no status. */
export function socketError(answer: Omit<ErrorAnswer, 'status'>): ApiError {
  const status = SOCKET_STATUSES[answer.code] ?? (answer.code.endsWith('NOT_FOUND') ? 404 : 400);
  return apiError({ ...answer, status });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
