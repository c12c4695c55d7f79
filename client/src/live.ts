import { type Connect, Connection } from "./connection.js";
import { type Document, type VariablesOf, textOf } from "./document.js";
import { Emitter } from "./emitter.js";
import type { Answer } from "./errors.js";
import { iterate } from "./iterate.js";
import type { Session } from "./session.js";
import { SocketWire } from "./socket.js";
import { type Observer, Subscription } from "./subscription.js";
import type { Expiry, Request } from "./wire.js";

export type { Observer } from "./subscription.js";

export interface LiveOptions {
  /**
   * `"websocket"`, `"sse"` (server-sent events), or `"auto"`: server-sent events where WebSockets do not get through.
   * By default `"auto"`.
   */
  transport?: "auto" | "websocket" | "sse";
  /** The WebSocket of the platform, if it is not global (Node.js 20: that of `ws`). */
  webSocket?: typeof WebSocket;
  /**
   * Milliseconds in which the server has to answer. By default 10,000. After a fifth of it, a subscription of which the
   * server says nothing is taken to have started.
   */
  timeout?: number;
  /** Milliseconds of silence after which the server is asked for a sign of life. By default 30,000. */
  heartbeat?: number;
  /** Milliseconds for which a socket without subscriptions is kept. By default 1,000. */
  idle?: number;
  /** Subscriptions on one socket; another is opened for more. By default 100, as WATCHWORD_MAX_OPERATIONS. */
  subscriptionsPerSocket?: number;
}

export interface LiveEvents {
  connecting: undefined;
  /** A socket is open. `expiresAt` is there if it has a token. */
  connected: Expiry;
  /** A socket goes on with a new token. */
  renewed: Expiry;
  closed: { code: number; reason: string };
  /** The next attempt is in so many milliseconds, or when the network is back. */
  waiting: { milliseconds: number };
}

/** Whether a subscription is iterated or observed. */
type Missed<Data> = Pick<Observer<Data>, "missed">;

/** Subscriptions that stay. Make one with `createLive`, for the whole page. */
export class Live extends Emitter<LiveEvents> {
  readonly session: Session;
  #options: LiveOptions;
  #connections: Connection[] = [];
  #forget: (() => void)[];
  // How the server was last heard.
  #proven: Connect | null = null;

  constructor(session: Session, options: LiveOptions = {}) {
    super();
    this.session = session;
    this.#options = options;
    const wake = (): void => {
      for (const each of this.#connections) each.wake();
    };
    this.#forget = [
      session.on("changed", () => this.reconnect()),
      session.on("token", (token) => {
        for (const each of this.#connections) each.renew(token).catch(() => {});
      }),
      heard("window", "online", wake),
      heard("window", "pageshow", ({ persisted }: PageTransitionEvent) => persisted && wake()),
      heard("document", "visibilitychange", () => document.hidden || wake()),
      heard("document", "resume", wake),
    ];
  }

  /**
   * Follow a subscription. With `next` in the observer, returns a function that stops it; without, an async iterable,
   * which ends when the loop is left.
   */
  subscribe<Data = any, Variables = any>(document: Document<Data, Variables>, variables: Variables | null | undefined, observer: Observer<Data>): () => void;
  subscribe<Data = any, Variables = any>(document: Document<Data, Variables>, ...rest: [...VariablesOf<Variables>, missed?: Missed<Data>]): AsyncIterableIterator<Answer<Data>>;
  subscribe<Data>(document: Document<Data, never>, variables?: object | null, observer: Observer<Data> | Missed<Data> = {}): unknown {
    const request = { query: textOf(document), variables: variables ?? undefined };
    if ("next" in observer) return this.follow(request, observer);
    return iterate<Data>((each) => this.follow(request, each), observer);
  }

  /** Follow a request as it goes over the wire. Returns a function that stops it. */
  follow<Data>(request: Omit<Request, "extensions">, observer: Observer<Data>): () => void {
    const subscription = new Subscription({ ...request }, observer as Observer<never>);
    const connection = this.#room();
    connection.add(subscription);
    return () => connection.remove(subscription);
  }

  /** Connect anew at once. Every subscription goes on where it stood. */
  reconnect(): void {
    for (const each of this.#connections) each.restart();
  }

  /** Close the socket, complete every subscription, and hear no more of the session. */
  close(): void {
    for (const each of this.#connections) each.end((subscription) => subscription.complete());
    for (const forget of this.#forget) forget();
  }

  #room(): Connection {
    const { timeout = 10_000, heartbeat = 30_000, idle = 1_000, subscriptionsPerSocket: most = 100 } = this.#options;
    let found = this.#connections.find(({ subscriptions }) => subscriptions.size < most);
    if (!found) {
      found = new Connection({
        session: this.session,
        timeout,
        heartbeat,
        idle,
        choose: (failures) => this.#choose(failures),
        heard: (connect) => (this.#proven = connect),
        tell: (name, value) => this.emit(name, value),
      });
      this.#connections.push(found);
    }
    return found;
  }

  /**
   * Try server-sent events at every other attempt: first of both what has got through. Where that was a WebSocket, the
   * network may be another one after three failures.
   */
  #choose(failures: number): Connect {
    const { transport = "auto" } = this.#options;
    if (transport !== "auto") return transport === "sse" ? this.#sse : this.#socket;
    const isTurn = failures > 0 && failures % 2 === (this.#proven === this.#sse ? 1 : 0);
    return isTurn && (this.#proven !== this.#socket || failures > 3) ? this.#sse : this.#socket;
  }

  #socket: Connect = async (token, events) => {
    const { url, requests, clock } = this.session;
    const credentials = await requests.credentials("GET", `${url}/graphql`, token);
    const WebSocket = this.#options.webSocket ?? globalThis.WebSocket;
    return new SocketWire(new WebSocket(`${url}/graphql`.replace(/^http/, "ws"), "graphql-transport-ws"), credentials, events, clock);
  };

  // Few pages need it, so it is loaded when it is.
  #sse: Connect = async (token, events) => (await import("./sse.js")).connectSse(this.session, token, events);
}

/** Follow live data on a session. */
export function createLive(session: Session, options: LiveOptions = {}): Live {
  return new Live(session, options);
}

/** Listen to the browser, where there is one. Returns a function that stops it. */
function heard(where: "window" | "document", name: string, listener: (event: never) => void): () => void {
  const target = (globalThis as { [name: string]: unknown })[where] as EventTarget | undefined;
  // React Native has a `window` that tells nothing.
  target?.addEventListener?.(name, listener as EventListener);
  return () => target?.removeEventListener?.(name, listener as EventListener);
}
