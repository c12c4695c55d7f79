import { type Clock, backoff } from "./clock.js";
import { type Answer, type GraphQLFault, WatchwordError, failed, secondsOf } from "./errors.js";
import type { LiveEvents } from "./live.js";
import type { Session } from "./session.js";
import type { Subscription } from "./subscription.js";
import type { Expiry, Wire, WireEvents } from "./wire.js";

/** Makes a wire with the credentials of a token. */
export type Connect = (token: string | null, events: WireEvents) => Promise<Wire>;

export interface ConnectionOptions {
  session: Session;
  /** Milliseconds in which the server has to answer. */
  timeout: number;
  /** Milliseconds of silence after which a sign of life is asked for. */
  heartbeat: number;
  /** Milliseconds for which a connection without subscriptions is kept. */
  idle: number;
  /** Choose how to connect, after so many failures of a wire. */
  choose(failures: number): Connect;
  /** Hear that the server has been heard on a connection that was made so. */
  heard(connect: Connect): void;
  tell<Name extends keyof LiveEvents>(name: Name, value: LiveEvents[Name]): void;
}

// Milliseconds for which a connection has to last before it counts as a success. A server that accepts and closes must
// not be asked without a pause.
const STABLE = 10_000;
// The part of the server's time to answer after which a subscription is taken to have started although the server has not
// said so, and in which an attempt has to succeed if the machine may have slept since.
const SOON = 0.2;
// Close codes after which another attempt would end in the same way.
const FATAL = [4400, 4406, 4409];
// The server has too much of us: too many connections or messages, or pages of this origin may not connect.
const CROWDED = [1008, 4429];
// Errors of an operation that pass. It is subscribed again, where it stood.
const PASSING = ["RATE_LIMITED", "UNAVAILABLE", "DRAINING", "TOO_SLOW", "TOKEN_EXPIRED", "TOKEN_NOT_YET_VALID"];
const NONCE = "use_dpop_nonce: ";
// The session goes on, and the connection must not come back on its own.
const ENDED = "ended by an administrator";

/**
 * One connection with its subscriptions: keeps it open, renews it, and resumes what it carries after a cut. It hears what
 * its wire tells.
 */
export class Connection implements WireEvents {
  readonly subscriptions = new Set<Subscription>();
  #options: ConnectionOptions;
  #session: Session;
  #clock: Clock;
  #wire: Wire | null = null;
  // How the present attempt connects, once it has a token.
  #way: Connect | null = null;
  // From the first step of an attempt to the end of its wire.
  #isTrying = false;
  #isOpen = false;
  #failures = 0;
  // Those of a wire. The others had no token.
  #wires = 0;
  // Ends in a row that were for the sake of the token.
  #refusals = 0;
  // When the present attempt was begun, and when its wire was opened.
  #triedAt = 0;
  #openedAt = 0;
  #ids = 0;
  #token: string | null = null;
  // Counts attempts: what belongs to an earlier one is ignored.
  #attempt = 0;
  #byId = new Map<string, Subscription>();
  #cancelRetry: (() => void) | null = null;
  #cancelIdle = (): void => {};
  #cancelWatch = (): void => {};
  // Cancel the timers of what belongs to the present wire.
  #timers = new Set<() => void>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#clock = options.session.clock;
  }

  add(subscription: Subscription): void {
    this.#cancelIdle();
    this.subscriptions.add(subscription);
    if (this.#isOpen) this.#start(subscription);
    else if (!this.#isTrying && !this.#cancelRetry) void this.#connect();
  }

  remove(subscription: Subscription): void {
    if (!this.subscriptions.delete(subscription)) return;
    this.#release(subscription);
    if (this.subscriptions.size > 0) return;
    this.#cancelIdle();
    this.#cancelIdle = this.#clock.after(this.#options.idle, () => this.close());
  }

  /** Continue with another token of the same session. */
  async renew(token: string): Promise<void> {
    const wire = this.#wire;
    if (!this.#isOpen || !wire || token === this.#token) return;
    const credentials = await this.#session.requests.credentials("GET", `${this.#session.url}/graphql`, token);
    if (wire !== this.#wire) return;
    if (wire.renew(credentials)) this.#token = token;
  }

  /** Connect anew at once, for example with the token of another person. */
  restart(): void {
    this.#drop();
    if (this.subscriptions.size > 0) void this.#connect();
  }

  /**
   * The network may have changed, or the machine has slept: do not wait, and do not trust the connection. An attempt that
   * is under way may hang: it is made anew, unless it opens soon after its begin.
   */
  wake(): void {
    if (this.#isOpen) this.#probe();
    else if (this.#cancelRetry) this.restart();
    else if (this.#isTrying) this.#later(this.#triedAt + SOON * this.#options.timeout - this.#clock.now(), () => this.#isOpen || this.restart());
  }

  close(): void {
    this.#drop();
    this.#cancelIdle();
  }

  /** Close for good, and tell each subscription of it. */
  end(tell: (subscription: Subscription) => void): void {
    const all = [...this.subscriptions];
    this.subscriptions.clear();
    this.close();
    all.forEach(tell);
  }

  /** Leave the wire, without a word to the subscriptions. */
  #drop(): void {
    this.#attempt += 1;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#cancelWatch();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#wire?.close();
    this.#wire = null;
    this.#isTrying = this.#isOpen = false;
    this.#byId.clear();
    for (const each of this.subscriptions) each.id = null;
  }

  async #connect(): Promise<void> {
    this.#drop();
    this.#isTrying = true;
    this.#way = null;
    this.#triedAt = this.#clock.now();
    const attempt = this.#attempt, isCurrent = (): boolean => attempt === this.#attempt;
    this.#options.tell("connecting", undefined);
    try {
      const token = await this.#session.token();
      if (!isCurrent()) return;
      this.#token = token;
      this.#expect(0);
      this.#way = this.#options.choose(this.#wires);
      const wire = await this.#way(token, this);
      // A wire that comes too late is closed: nobody would hear it.
      if (!isCurrent()) return wire.close();
      this.#wire = wire;
      this.#expect(0);
      wire.begin();
    } catch (error) {
      if (isCurrent()) void this.closed(0, String(error));
    }
  }

  /**
   * Get another token than the one that the server has reminded of. It reminds once, so a failure is repeated, and so is
   * an answer with the same token: an identity provider's library may keep it until its end.
   */
  #remind(wire: Wire | null, token: string | null, attempt: number): void {
    this.#session.refresh().then((renewed) => renewed === token && Promise.reject()).catch((error: unknown) => {
      const pause = Math.max(backoff(attempt), secondsOf(error) * 1_000);
      if (wire === this.#wire) this.#later(pause, () => token === this.#token && this.#remind(wire, token, attempt + 1));
    });
  }

  heard(): void {
    this.#options.heard(this.#way!);
    if (this.#isOpen) this.#watch();
  }

  position(id: string, cursor: string): void {
    this.#byId.get(id)?.started(cursor);
  }

  next(id: string, answer: Answer): void {
    this.#byId.get(id)?.next(answer);
  }

  reminded(): void {
    this.#remind(this.#wire, this.#token, 1);
  }

  renewed(expiry: Expiry): void {
    this.#options.tell("renewed", expiry);
  }

  opened(expiry: Expiry): void {
    this.#isOpen = true;
    this.#openedAt = this.#clock.now();
    this.#watch();
    this.#options.tell("connected", expiry);
    for (const each of this.subscriptions) this.#start(each);
  }

  #start(subscription: Subscription): void {
    if (subscription.id !== null) return;
    const id = (this.#ids += 1).toString(36);
    subscription.id = id;
    this.#byId.set(id, subscription);
    this.#wire?.subscribe(id, subscription.resuming());
    subscription.begun();
    // What follows no log has no position.
    this.#later(SOON * this.#options.timeout, () => this.#byId.get(id) === subscription && subscription.started(undefined, true));
  }

  #release(subscription: Subscription): void {
    if (subscription.id === null) return;
    this.#byId.delete(subscription.id);
    this.#wire?.complete(subscription.id);
    subscription.id = null;
  }

  complete(id: string): void {
    const subscription = this.#byId.get(id);
    if (!subscription) return;
    this.remove(subscription);
    subscription.complete();
  }

  error(id: string, errors: readonly GraphQLFault[]): void {
    const subscription = this.#byId.get(id);
    if (!subscription) return;
    this.#release(subscription);
    const { extensions = {} } = errors[0] ?? {}, { code } = extensions;
    if (code === "CURSOR_EXPIRED" && subscription.lost(errors)) return this.#start(subscription);
    if (PASSING.includes(code ?? "")) return this.#startLater(subscription, (secondsOf(extensions) || 1) * 1_000);
    this.remove(subscription);
    subscription.fail(failed(errors));
  }

  #startLater(subscription: Subscription, milliseconds: number): void {
    this.#later(milliseconds * (1 + Math.random()), () => {
      if (this.subscriptions.has(subscription)) this.#start(subscription);
    });
  }

  /** Call back after a delay, unless the wire has ended by then. */
  #later(milliseconds: number, callback: () => void): void {
    const cancel = this.#clock.after(milliseconds, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  /** Ask for a sign of life after a silence. */
  #watch(): void {
    this.#cancelWatch();
    this.#cancelWatch = this.#clock.after(this.#options.heartbeat, () => this.#probe());
  }

  #probe(): void {
    this.#expect(1006);
    this.#wire?.probe();
  }

  /** Give the server its time to answer, and close with a code if it does not. */
  #expect(code: number): void {
    this.#cancelWatch();
    this.#cancelWatch = this.#clock.after(this.#options.timeout, () => void this.closed(code, "The server is silent."));
  }

  async closed(code: number, reason: string, patience = 0): Promise<void> {
    const token = this.#token, isOfToken = code === 4401 || code === 4403;
    if (this.#isOpen && this.#clock.now() >= this.#openedAt + STABLE) this.#failures = this.#refusals = this.#wires = 0;
    this.#failures += 1;
    this.#wires += this.#way ? 1 : 0;
    this.#refusals = isOfToken ? this.#refusals + 1 : 0;
    this.#drop();
    this.#options.tell("closed", { code, reason });
    if (FATAL.includes(code) || (code === 4401 && (token === null || reason === ENDED))) return this.#fail(code, reason);
    if (this.subscriptions.size === 0) return;
    const pause = isOfToken && this.#refusals <= 2 ? 0 : backoff(CROWDED.includes(code) ? 6 : this.#failures);
    const milliseconds = Math.max(pause, patience * 1_000 * (1 + Math.random()));
    this.#options.tell("waiting", { milliseconds });
    this.#cancelRetry = this.#clock.after(milliseconds, () => void this.#connect());
    if (reason.startsWith(NONCE)) this.#session.requests.nonce = reason.slice(NONCE.length);
    else if (code === 4403) this.#session.expire(token);
    else if (code === 4401) await this.#session.reject(token).catch(() => {});
  }

  #fail(closeCode: number, reason: string): void {
    const code = reason === ENDED ? "CONNECTION_ENDED" : "CLOSED";
    this.end((each) => each.fail(new WatchwordError(code, reason || `The socket was closed with ${closeCode}.`, { closeCode })));
  }
}
