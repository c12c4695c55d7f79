import type { Answer, GraphQLFault } from "./errors.js";

/** Until when a connection lives, in UTC (ISO 8601); empty for one that has no token. */
export interface Expiry {
  expiresAt?: string;
  renewBefore?: string;
}

/** The payload of a subscription: a text, or the id of a document that the server knows. */
export interface Request {
  query?: string | undefined;
  documentId?: string | undefined;
  variables?: object | undefined;
  operationName?: string | undefined;
  extensions?: { resume: string } | { position: true } | undefined;
}

/** What a wire tells its connection. `closed` comes once, and nothing after it. */
export interface WireEvents {
  /** The server has accepted the token. */
  opened(expiry: Expiry): void;
  /** Something has arrived: the other side is alive. */
  heard(): void;
  /** The server follows from now on; a cut before the first event resumes at the cursor. */
  position(id: string, cursor: string): void;
  next(id: string, answer: Answer): void;
  error(id: string, errors: readonly GraphQLFault[]): void;
  complete(id: string): void;
  /** The server asks for a new token. */
  reminded(): void;
  renewed(expiry: Expiry): void;
  /**
   * `code` is a close code of the server's reference, 1006 for a cut, or 0 if it could not be opened. `patience` is the
   * number of seconds that the server or a proxy asks to wait.
   */
  closed(code: number, reason: string, patience?: number): void;
}

/** One way to carry subscriptions: a WebSocket, or server-sent events. */
export interface Wire {
  /** Called once the connection has the wire. */
  begin(): void;
  subscribe(id: string, request: Request): void;
  complete(id: string): void;
  /** Continue with another token of the same session. Returns false if this wire keeps the one it has. */
  renew(credentials: Record<string, string>): boolean;
  /** Ask the other side for a sign of life. */
  probe(): void;
  /** Leave. Nothing is told after it. */
  close(): void;
}
