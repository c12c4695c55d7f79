import type { Claims } from "./claims.js";
import type { Clock } from "./clock.js";
import { type Document, textOf } from "./document.js";
import { type Answer, WatchwordError, detailsOf, nonsense, unreachable } from "./errors.js";
import type { Requests } from "./requests.js";

/** A recent sign-in that an operation needs (RFC 9470). */
export interface StepUpNeed {
  /** Seconds: how old the authentication may be. */
  maxAge?: number | undefined;
  /** The classes of which the authentication must be one: `phr` is a passkey. */
  acrValues?: readonly string[] | undefined;
  /** Where the person must authenticate, if it is another server. */
  issuer?: string | undefined;
}

export interface ExecuteOptions {
  /** Which operation of the document to run, if it has several. */
  operationName?: string;
  signal?: AbortSignal;
}

/** A request that may say the kind of its operation, for one that is sent by an id: `fetch` ignores it. */
export interface OperationInit extends RequestInit {
  operationKind?: string;
}

/** The part of a session that requests need. */
export interface TokenSource {
  readonly url: string;
  readonly claims: Claims | null;
  readonly clock: Clock;
  token(): Promise<string | null>;
  expire(token: string | null): void;
  reject(token: string | null): Promise<void>;
}

/** Sends operations with a fresh token, and once more where that helps. */
export class Operations {
  #session: TokenSource;
  #requests: Requests;
  #stepUp: (need: StepUpNeed) => Promise<boolean>;
  #steppingUp: Promise<boolean> | null = null;

  constructor(session: TokenSource, requests: Requests, stepUp: (need: StepUpNeed) => Promise<boolean>) {
    this.#session = session;
    this.#requests = requests;
    this.#stepUp = stepUp;
  }

  async execute<Data>(document: Document<Data, never>, variables?: object, options: ExecuteOptions = {}): Promise<Answer<Data>> {
    const { operationName, signal } = options;
    const body = JSON.stringify({ query: textOf(document), variables, operationName });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body, ...(signal && { signal }) };
    const response = await this.fetch(`${this.#session.url}/graphql`, init).catch((error: unknown) => {
      throw signal?.aborted || error instanceof WatchwordError ? error : unreachable(error);
    });
    const answer = (await response.json().catch(() => null)) as Answer<Data> | null;
    if (answer?.data === undefined && !Array.isArray(answer?.errors)) {
      throw nonsense(`status ${response.status} from /graphql`, detailsOf(response, this.#session.clock));
    }
    return answer!;
  }

  async fetch(input: string | URL | Request, init: OperationInit = {}): Promise<Response> {
    const session = this.#session, { href, origin } = new URL((input as Request).url ?? input, `${session.url}/`);
    // Another server must not get the token.
    if (origin !== new URL(session.url).origin) throw new TypeError(`session.fetch is for ${session.url} and not for ${origin}.`);
    const parts = (input as Request).url ? (await later()).partsOf(input as Request, init) : () => init;
    const ask = (token: string | null): Promise<Response> => this.#requests.send(href, parts(), token);
    const sent = await session.token(), sid = session.claims?.sid;
    const response = await ask(sent);
    if (response.status !== 401 && !response.headers.get("www-authenticate")?.includes(DEMAND)) return response;
    // Without it the answer is what it is.
    const again = await later().catch(() => null);
    return again ? again.repeated({ ask, sent, response, init }, session, sid, (need) => this.#steppedUp(need)) : response;
  }

  /** Many operations may ask for a step-up at once: the person is asked once. */
  #steppedUp(need: StepUpNeed): Promise<boolean> {
    return (this.#steppingUp ??= this.#stepUp(need).finally(() => (this.#steppingUp = null)));
  }
}

// Few requests need it, so it is loaded when one does.
const later = () => import("./repeat.js");

const DEMAND = "insufficient_user_authentication";
