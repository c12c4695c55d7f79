import { type Claims, claimsOf } from "./claims.js";
import { type Clock, backoff, systemClock } from "./clock.js";
import type { Document, VariablesOf } from "./document.js";
import { Emitter } from "./emitter.js";
import { type Answer, WatchwordError, failed, secondsOf } from "./errors.js";
import { type ExecuteOptions, Operations, type StepUpNeed } from "./operations.js";
import { type Prover, Requests, type Tokens } from "./requests.js";
import { type Credentials, type SecondFactor, type Routes, SignInRoutes, type StepUpCredentials, type Store, external, memoryStore } from "./sign-in.js";
import { type TabMessage, Tabs } from "./tabs.js";

export interface SessionOptions {
  /** The server's origin; by default that of the page. */
  url?: string;
  fetch?: typeof fetch;
  /**
   * Where the refresh token is kept: `"cookie"` in a browser, and a store of the app elsewhere. By default a cookie
   * where there is a `location`, and else memory.
   */
  store?: "cookie" | Store;
  /**
   * Whether to find out at once if somebody is signed in, after a reload. By default yes. With `false` the page stays
   * anonymous until `signIn` or `refresh` is called, also while somebody signs in in another tab.
   */
  restore?: boolean;
  /**
   * Returns the access token of a trusted identity provider, from its own library; null if nobody is signed in there.
   * Call `session.refresh()` after a sign-in. `signIn` and `stepUp` are then not for you.
   */
  getToken?: () => Promise<string | null>;
  /**
   * Called when an operation needs a recent sign-in. Return what the person has given (`{ password }`), or true if a
   * step-up was done; the operation is then sent again.
   */
  onStepUp?: (need: StepUpNeed, session: Session) => Promise<StepUpCredentials | boolean | null>;
  /** Called when the password was right and a one-time code is needed. Without it `signIn` throws `mfa_required`. */
  onSecondFactor?: (credentials: Credentials) => Promise<SecondFactor | null>;
  /** The key that all tokens are bound to, by `createDpop` of `watchword-client/dpop`. */
  dpop?: Prover;
  /** Milliseconds in which the routes of sign-in have to answer. */
  timeout?: number;
  clock?: Clock;
}

export type SessionState = "restoring" | "anonymous" | "signedIn";

export interface SessionEvents {
  /** Somebody is signed in from now on: by a sign-in here or in another tab, or restored after a reload. */
  signedIn: Claims;
  /** The person has signed out, here or in another tab. */
  signedOut: undefined;
  /** The session was ended by the server: it is too old, or was ended on another device or by an admin. */
  expired: undefined;
  /** An operation needs a recent sign-in. */
  mustStepUp: StepUpNeed;
  /** It is somebody else's page now, or nobody's: throw away what was fetched before. */
  changed: SessionState;
  /** There is another access token for the same session. */
  token: string;
}

/** Who is signed in, and a fresh access token for each request. Make one with `createSession`, for the whole page. */
export class Session extends Emitter<SessionEvents> {
  /** The server's origin. */
  readonly url: string;
  /** Settles when it is known whether somebody is signed in. */
  readonly ready: Promise<SessionState>;
  readonly clock: Clock;
  /** @internal */
  readonly requests: Requests;
  #routes: Routes;
  #operations: Operations;
  #tabs: Tabs;
  #options: SessionOptions;
  #state: SessionState = "restoring";
  #claims: Claims | null = null;
  #token: string | null = null;
  // Milliseconds of the clock: when the token is to be renewed, and until when it may be used.
  #renewAt = -Infinity;
  #usableUntil = -Infinity;
  #refreshing: Promise<string | null> | null = null;
  // Why and when the last refresh failed, and for how many milliseconds the server wants no other one.
  #failure: { error: unknown; at: number; wait: number } | null = null;
  // A timer, or a request that is answered later, must not keep a Node.js process running after `close`.
  #isClosed = false;
  #cancelRestore = (): void => {};
  // Counts sign-ins and sign-outs, so that a refresh that began before one does not undo it.
  #era = 0;
  // Settles `ready`, once.
  #settle: ((state: SessionState) => void) | null = null;

  constructor(options: SessionOptions = {}) {
    super();
    this.#options = options;
    const { url, clock = systemClock, getToken, dpop = null, timeout = 15_000, fetch = (...given) => globalThis.fetch(...given) } = options;
    const store = options.store ?? (page() ? "cookie" : memoryStore()), isCookie = store === "cookie";
    const origin = this.url = originOf(url);
    this.clock = clock;
    this.requests = new Requests({ origin, fetch, clock, timeout, prover: dpop, credentials: isCookie ? "include" : "omit" });
    this.#routes = getToken ? external(getToken) : new SignInRoutes(this.requests, isCookie ? null : store);
    this.#operations = new Operations(this, this.requests, (need) => this.#stepUpFor(need));
    this.#tabs = new Tabs(isCookie && !getToken ? `watchword ${origin}` : null, clock, 2 * timeout);
    this.#tabs.listen((message) => this.#heard(message));
    this.ready = new Promise((settle) => (this.#settle = settle));
    if (options.restore === false) this.#hold(null, "signedOut");
    else this.#restore(1);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** What the access token says of its holder; null if nobody is signed in. */
  get claims(): Claims | null {
    return this.#claims;
  }

  /** Return an access token that is good for the next request; null if nobody is signed in. Throws `UNREACHABLE`. */
  async token(): Promise<string | null> {
    if (this.#state === "anonymous") return null;
    if (this.clock.now() < this.#renewAt) return this.#token;
    try {
      if (this.#isAskedToWait()) throw this.#failure!.error;
      return await this.refresh();
    } catch (error) {
      if (this.clock.now() >= this.#usableUntil) throw error;
      this.#renewAt = this.clock.now() + 5_000;
      return this.#token;
    }
  }

  /** Get another access token now. Concurrent callers share one request. Returns null if nobody is signed in. */
  refresh(): Promise<string | null> {
    return (this.#refreshing ??= this.#tabs.exclusive(() => this.#refresh()).finally(() => (this.#refreshing = null)));
  }

  /** Sign in, and end the session that this browser had before. Throws a `WatchwordError` (`invalid_grant`, …). */
  async signIn(credentials: Credentials): Promise<Claims> {
    const claims = await this.#login(credentials);
    this.#tabs.tell({ type: "signedIn", sid: claims.sid });
    return claims;
  }

  /** Authenticate again on the same session, for operations that need a recent sign-in. */
  async stepUp(credentials: StepUpCredentials): Promise<void> {
    const token = await this.token();
    if (token === null) throw new WatchwordError("UNAUTHENTICATED", "Nobody is signed in.");
    const era = this.#era, tokens = await this.#routes.stepUp(credentials, token);
    if (era === this.#era) this.#hold(tokens);
  }

  /**
   * Sign out, in all tabs. The page is anonymous at once. Throws `UNREACHABLE` if the server does not know of it: sign
   * out again, because after a reload the person would be signed in.
   */
  async signOut(): Promise<void> {
    const sid = this.#claims?.sid;
    this.#era += 1;
    this.#hold(null, "signedOut");
    if (sid !== undefined) this.#tabs.tell({ type: "signedOut", sid });
    await this.#tabs.exclusive(() => this.#routes.logout());
  }

  /**
   * `fetch` with the access token, to the session's server and no other. If the token has expired, gets another one and
   * asks once more; if a recent sign-in is needed, asks for it and then once more.
   */
  readonly fetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> => this.#operations.fetch(input, init);

  /** Run a query or a mutation and return its data. Throws a `WatchwordError` with `errors` and `data` if it has errors. */
  async query<Data = any, Variables = any>(document: Document<Data, Variables>, ...rest: [...VariablesOf<Variables>, options?: ExecuteOptions]): Promise<Data> {
    const { data, errors } = await this.execute(document, ...rest);
    if (errors?.length) throw failed(errors, data);
    return data as Data;
  }

  /** Run a query or a mutation and return the whole answer, with its errors. */
  execute<Data = any, Variables = any>(document: Document<Data, Variables>, ...rest: [...VariablesOf<Variables>, options?: ExecuteOptions]): Promise<Answer<Data>> {
    return this.#operations.execute(document, rest[0] as object, rest[1] as ExecuteOptions);
  }

  /** Say that the server refuses this token as expired, whatever this machine's clock says. */
  expire(token: string | null): void {
    if (token === this.#token) this.#renewAt = this.#usableUntil = -Infinity;
  }

  /** Say that the server refuses this token for good: its session has ended, unless a refresh brings another token. */
  async reject(token: string | null): Promise<void> {
    if (token === null || token !== this.#token) return;
    this.expire(token);
    if ((await this.refresh()) === token) await this.#end();
  }

  /** Hear no more of other tabs, and try no more to restore the session. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRestore();
    this.#tabs.close();
  }

  // A refresh that hangs has the whole time to answer, also if the page has slept since: its answer may still come, and
  // without it the refresh token counts as used twice once the server's grace period is over, which ends the session.
  async #refresh(): Promise<string | null> {
    const era = this.#era;
    const tokens = await this.#routes.refresh().catch((error: unknown) => this.#refused(error)).catch((error: unknown) => this.#failed(error));
    if (era !== this.#era) return this.#token;
    if (tokens) this.#hold(tokens);
    else await this.#end();
    return this.#token;
  }

  /** Decide if a refused refresh ends the session. A page of another origin may have used the cookie meanwhile. */
  async #refused(error: unknown): Promise<Tokens | null> {
    if (!isRefusal(error)) throw error;
    if (this.#state !== "signedIn") return null;
    return this.#routes.refresh().catch((again: unknown) => {
      if (isRefusal(again)) return null;
      throw again;
    });
  }

  /** Keep the error for as long as the server asks for patience (Retry-After, RFC 9110, section 10.2.3). */
  #failed(error: unknown): never {
    const seconds = secondsOf(error);
    this.#failure = seconds > 0 ? { error, at: this.clock.now(), wait: seconds * 1_000 } : null;
    throw error;
  }

  #isAskedToWait(): boolean {
    const { at = 0, wait = 0 } = this.#failure ?? {}, waited = this.clock.now() - at;
    // A clock that was put back says nothing of the wait.
    return waited >= 0 && waited < wait;
  }

  async #end(): Promise<void> {
    this.#hold(null, "expired");
    await this.#routes.forget();
  }

  #restore(attempt: number): void {
    this.token().catch(() => {
      if (this.#isClosed) return;
      this.#cancelRestore = this.clock.after(backoff(attempt), () => {
        if (this.#state === "restoring") this.#restore(attempt + 1);
      });
    });
  }

  async #login(credentials: Credentials): Promise<Claims> {
    try {
      return await this.#enter(credentials);
    } catch (error) {
      const isAsked = error instanceof WatchwordError && error.code === "mfa_required";
      const factor = isAsked ? await this.#options.onSecondFactor?.(credentials) : null;
      if (!factor) throw error;
      return this.#enter({ ...credentials, ...factor } as Credentials);
    }
  }

  /** Ask once for a session, and hold it. The other tabs wait for this answer, and not while a person looks for a code. */
  #enter(credentials: Credentials): Promise<Claims> {
    return this.#tabs.exclusive(async () => {
      const tokens = await this.#routes.login(credentials);
      this.#era += 1;
      this.#hold(tokens);
      return this.#claims!;
    });
  }

  async #stepUpFor(need: StepUpNeed): Promise<boolean> {
    this.emit("mustStepUp", need);
    const given = await this.#options.onStepUp?.(need, this);
    if (given && given !== true) await this.stepUp(given);
    return Boolean(given);
  }

  /** The only place that changes the token, and tells of it. */
  #hold(tokens: Tokens | null, end?: "signedOut" | "expired"): void {
    const before = this.#claims, settle = this.#settle;
    this.#settle = this.#failure = null;
    const { access_token: token = null, expires_in: seconds = 0 } = tokens ?? {}, life = seconds * 1_000;
    this.#token = token;
    this.#claims = token === null ? null : claimsOf(token);
    this.#renewAt = this.clock.now() + life / 2;
    this.#usableUntil = this.clock.now() + life;
    this.#state = tokens ? "signedIn" : "anonymous";
    settle?.(this.#state);
    if (before?.sid === this.#claims?.sid) return token === null ? undefined : this.emit("token", token);
    if (this.#claims) this.emit("signedIn", this.#claims);
    else this.emit(end!, undefined);
    if (!settle) this.emit("changed", this.#state);
  }

  #heard({ type, sid }: TabMessage): void {
    if (type === "signedOut" && sid === this.#claims?.sid) {
      this.#era += 1;
      this.#hold(null, "signedOut");
    } else if (type === "signedIn" && sid !== this.#claims?.sid && (this.#claims || this.#options.restore !== false)) {
      // The cookie is another session's now. Nothing may be asked with the old one.
      this.#state = "restoring";
      this.#renewAt = this.#usableUntil = -Infinity;
      this.#restore(1);
    }
  }
}

/** Keep a page signed in. */
export function createSession(options: SessionOptions = {}): Session {
  return new Session(options);
}

// Another attempt would be refused too: the session has ended, or its key is gone. What is no answer of the server's, and
// a demand for a newer nonce (RFC 9449, section 8), say nothing of the session.
const isRefusal = (error: unknown): boolean =>
  error instanceof WatchwordError && [400, 401, 403].includes(error.status!) && !/^(NONSENSE|use_dpop_nonce)$/.test(error.code);

// Where there is no page there is no `location`.
const page = (): Location | undefined => globalThis.location;

function originOf(url: string | undefined): string {
  const given = url ?? page()?.origin;
  if (given === undefined) throw new TypeError("Say where the server is: createSession({ url })");
  return new URL(given, page()?.href).href.replace(/\/$/, "");
}
