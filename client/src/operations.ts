import { type Document, textOf } from "./document.js";
import { type Answer, WatchwordError, failed, nonsense, unreachable } from "./errors.js";
import type { Requests } from "./requests.js";

/** A recent sign-in that an operation needs (RFC 9470). */
export interface StepUpNeed {
  /** Seconds: how old the authentication may be. */
  maxAge?: number | undefined;
  /** Where the person must authenticate, if it is another server. */
  issuer?: string | undefined;
}

export interface ExecuteOptions {
  /** Which operation of the document to run, if it has several. */
  operationName?: string;
  signal?: AbortSignal;
}

/** The part of a session that requests need. */
interface TokenSource {
  readonly url: string;
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
    if (typeof answer !== "object" || answer === null || !("data" in answer || Array.isArray(answer.errors))) {
      throw nonsense(`status ${response.status} from /graphql`, response.status);
    }
    return answer;
  }

  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const ask = this.#asking(input, init);
    let sent = await this.#session.token();
    let response = await ask(sent);
    let fault = await faultOf(response);
    if (fault?.code === "TOKEN_EXPIRED") {
      this.#session.expire(sent);
      response = await ask((sent = await this.#session.token()));
      fault = await faultOf(response);
    }
    switch (fault?.code) {
      case "TOKEN_REVOKED":
        await this.#session.reject(sent);
        return response;
      case "STEP_UP_REQUIRED":
        if (!(await isRepeatable(init?.body)) || !(await this.#steppedUp(fault.need))) return response;
        return ask(await this.#session.token());
      default:
        return response;
    }
  }

  /** Return a function that sends the request with a token, as often as it is called. */
  #asking(input: string | URL | Request, init: RequestInit = {}): (token: string | null) => Promise<Response> {
    const isRequest = typeof Request !== "undefined" && input instanceof Request;
    const url = new URL(isRequest ? input.url : String(input), `${this.#session.url}/`);
    // Another server must not get the token.
    if (url.origin !== new URL(this.#session.url).origin) {
      throw new TypeError(`session.fetch sends requests to ${this.#session.url} only, and not to ${url.origin}.`);
    }
    const base = isRequest ? new Request(input, init) : null;
    return (token) => {
      const given = base ? requestInit(base.clone()) : init;
      return this.#requests.send(url.href, { ...given, method: given.method ?? "GET" }, token);
    };
  }

  /** Many operations may ask for a step-up at once: the person is asked once. */
  #steppedUp(need: StepUpNeed): Promise<boolean> {
    return (this.#steppingUp ??= this.#stepUp(need).finally(() => (this.#steppingUp = null)));
  }
}

function requestInit(request: Request): RequestInit {
  const { method, headers, body, signal, credentials, mode, redirect, cache } = request;
  return { method, headers, body, signal, credentials, mode, redirect, cache, ...(body && { duplex: "half" }) } as RequestInit;
}

interface Fault {
  code: string | undefined;
  need: StepUpNeed;
}

const DEMAND = /insufficient_user_authentication/;

/** Read why a request was refused: from a 401, or from an answer whose header demands a recent sign-in. */
async function faultOf(response: Response): Promise<Fault | null> {
  const demand = response.headers.get("www-authenticate") ?? "";
  if (response.status !== 401 && !DEMAND.test(demand)) return null;
  const answer = (await response.clone().json().catch(() => null)) as Answer | null;
  const errors = Array.isArray(answer?.errors) ? answer.errors : [];
  const found = errors.find((each) => each.extensions?.code === "STEP_UP_REQUIRED") ?? errors[0];
  const { code, maxAge, issuer } = found?.extensions ?? {};
  return { code, need: { maxAge, issuer } };
}

/** Tell whether an operation may be sent again: a mutation of several fields may have been done in part. */
async function isRepeatable(body: unknown): Promise<boolean> {
  try {
    const { query, operationName } = JSON.parse(body as string) as { query: string; operationName?: string };
    const operation = (await import("./operation-text.js")).operationOf(query, operationName);
    return operation?.type !== "mutation" || operation.roots === 1;
  } catch {
    return false;
  }
}
