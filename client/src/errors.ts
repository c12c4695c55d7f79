import type { Clock } from "./clock.js";

/** A GraphQL error as the server sends it. */
export interface GraphQLFault {
  message: string;
  path?: readonly (string | number)[];
  extensions?: { code?: string; retryAfter?: number; maxAge?: number; acrValues?: string[]; issuer?: string; [key: string]: unknown };
}

/** The answer to an operation, or one event of a subscription. */
export interface Answer<Data = unknown> {
  data?: Data | null;
  errors?: readonly GraphQLFault[];
  extensions?: { cursor?: string; [key: string]: unknown };
}

interface Details {
  status?: number | undefined;
  retryAfter?: number | undefined;
  closeCode?: number | undefined;
  errors?: readonly GraphQLFault[];
  data?: unknown;
}

/**
 * What went wrong. `code` is an error of the server's reference (`FORBIDDEN`, `mfa_required`, …), or one of
 * `UNREACHABLE` (no answer: try again), `NONSENSE` (an answer that is not the server's) and `CLOSED` (the socket was
 * closed for good; see `closeCode`).
 */
export class WatchwordError extends Error {
  override readonly name = "WatchwordError";
  /** The HTTP status, if there was one. */
  declare readonly status: number | undefined;
  /** Seconds to wait before the next attempt, if the server says so. */
  declare readonly retryAfter: number | undefined;
  declare readonly closeCode: number | undefined;
  /** The errors of a GraphQL answer, and its data. */
  readonly errors: readonly GraphQLFault[] = [];
  declare readonly data: unknown;

  constructor(readonly code: string, message: string, details: Details = {}) {
    super(message);
    Object.assign(this, details);
  }
}

export const unreachable = (why: unknown): WatchwordError =>
  new WatchwordError("UNREACHABLE", `The server cannot be reached: ${(why as Error | undefined)?.message ?? why}`);

export const nonsense = (what: string, details?: Details): WatchwordError =>
  new WatchwordError("NONSENSE", `The server's answer makes no sense: ${what}`, details);

// Seconds. A proxy that asks for a year must not keep a page signed out, or without events, for a year.
const MOST_PATIENCE = 3_600;

/** Return the seconds for which the server asks for patience, an hour at most: 0 if it does not. */
export function secondsOf(error: unknown): number {
  const seconds = Number((error as { retryAfter?: unknown } | undefined)?.retryAfter);
  return seconds > 0 ? Math.min(seconds, MOST_PATIENCE) : 0;
}

/** Return what an HTTP answer says of an error. A proxy may ask for patience too, in an answer of its own. */
export function detailsOf({ status, headers }: Response, clock: Clock): Details {
  // Without the header, each of these is NaN or 0.
  const wait = headers.get("retry-after")!, date = Date.parse(headers.get("date")!);
  // Seconds, or a time (RFC 9110, section 10.2.3), which is the server's: this machine's clock may be wrong.
  const seconds = Number(wait) || Math.ceil((Date.parse(wait) - (date || clock.now())) / 1_000);
  return { status, retryAfter: seconds > 0 ? seconds : undefined };
}

/** Make an error of a GraphQL answer's list of errors. */
export function failed(errors: readonly GraphQLFault[], data?: unknown): WatchwordError {
  const [first] = errors;
  const { code, retryAfter } = first?.extensions ?? {};
  return new WatchwordError(code ?? "INTERNAL", first?.message ?? "The operation failed.", { errors, data, retryAfter });
}
