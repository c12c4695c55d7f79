import type { Claims } from "./claims.js";
import type { Clock } from "./clock.js";
import { type Document, textOf } from "./document.js";
import { type Answer, WatchwordError, detailsOf, failed, nonsense, unreachable } from "./errors.js";
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

  async query<Data>(document: Document<Data, never>, variables?: object, options?: ExecuteOptions): Promise<Data> {
    const { data, errors } = await this.execute(document, variables, options);
    if (errors?.length) throw failed(errors, data);
    return data as Data;
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

  async fetch(input: string | URL | Request, init?: OperationInit): Promise<Response> {
    const ask = this.#asking(input, init);
    const sent = await this.#session.token(), sid = this.#session.claims?.sid;
    const response = await ask(sent);
    if (response.status !== 401 && !DEMAND.test(response.headers.get("www-authenticate") ?? "")) return response;
    // Few requests need it, so it is loaded when it is; without it the answer is what it is.
    const again = await import("./repeat.js").catch(() => null);
    return again ? again.repeated({ ask, sent, response, init }, this.#session, sid, (need) => this.#steppedUp(need)) : response;
  }

  /** Return a function that sends the request with a token, as often as it is called. */
  #asking(input: string | URL | Request, init: RequestInit = {}): (token: string | null) => Promise<Response> {
    const isRequest = typeof Request !== "undefined" && input instanceof Request;
    const url = new URL(isRequest ? input.url : String(input), `${this.#session.url}/`);
    // Another server must not get the token.
    if (url.origin !== new URL(this.#session.url).origin) {
      throw new TypeError(`session.fetch is for ${this.#session.url} and not for ${url.origin}.`);
    }
    const base = isRequest ? new Request(input, init) : null;
    return async (token) => {
      const given = base ? (await import("./repeat.js")).initOf(base.clone()) : init;
      return this.#requests.send(url.href, { ...given, method: given.method ?? "GET" }, token);
    };
  }

  /** Many operations may ask for a step-up at once: the person is asked once. */
  #steppedUp(need: StepUpNeed): Promise<boolean> {
    return (this.#steppingUp ??= this.#stepUp(need).finally(() => (this.#steppingUp = null)));
  }
}

const DEMAND = /insufficient_user_authentication/;
