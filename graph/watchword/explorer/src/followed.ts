// The subscriptions that are open, with their events. They go on while others are started.
import type { Answer, Live, WatchwordError } from "watchword-client";

/** One answer of a subscription: when it came, and the cursor that resumes behind it. */
export interface Happened {
  number: number;
  at: Date;
  cursor: string | null;
  answer: Answer<unknown>;
}

export interface Followed {
  id: number;
  name: string;
  isOpen: boolean;
  problem: string;
  count: number;
  /** The newest first, and no more than MOST. */
  events: readonly Happened[];
  stop(): void;
}

export interface Request {
  query: string;
  variables?: object | undefined;
  operationName?: string | undefined;
}

const MOST = 200;

/** The list of subscriptions, and the state of their connection in words. */
export class Subscriptions {
  list: readonly Followed[] = [];
  connection = "";
  #live: Live;
  #next = 1;
  #listeners = new Set<() => void>();

  constructor(live: Live) {
    this.#live = live;
    live.on("connecting", () => this.#say("Connecting …"));
    live.on("connected", ({ expiresAt }) => this.#say(`Connected${until(expiresAt)}.`));
    live.on("renewed", ({ expiresAt }) => this.#say(`Renewed at ${time(new Date())}${until(expiresAt)}, on the same connection.`));
    live.on("closed", ({ code, reason }) => this.#say(`Closed with ${code}${reason && `: ${reason}`}.`));
    live.on("waiting", ({ milliseconds }) => this.#say(`Cut off; again in ${Math.ceil(milliseconds / 1_000)} s, from the last event.`));
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  all = (): readonly Followed[] => this.list;
  state = (): string => this.connection;

  /** Follow a subscription until `stop`. */
  start(request: Request, name: string): void {
    const id = this.#next++;
    const stop = this.#live.follow<unknown>(request, {
      next: (answer) => this.#happened(id, answer),
      error: (error) => this.#change(id, { isOpen: false, problem: words(error) }),
      complete: () => this.#change(id, { isOpen: false, problem: "The server has completed it." }),
      missed: (error) => this.#change(id, { problem: `${words(error)} It goes on with what happens now.` }),
    });
    const end = (): void => {
      stop();
      this.#change(id, { isOpen: false, problem: "Stopped." });
    };
    this.list = [{ id, name, isOpen: true, problem: "", count: 0, events: [], stop: end }, ...this.list];
    this.#tell();
  }

  /** Stop one, and show it no more. */
  remove(id: number): void {
    const found = this.list.find((each) => each.id === id);
    if (found?.isOpen) found.stop();
    this.list = this.list.filter((each) => each.id !== id);
    this.#tell();
  }

  #happened(id: number, answer: Answer<unknown>): void {
    const found = this.list.find((each) => each.id === id);
    if (!found) return;
    const { extensions, ...shown } = answer as Answer<unknown> & { extensions?: { cursor?: string } };
    const event = { number: found.count + 1, at: new Date(), cursor: extensions?.cursor ?? null, answer: shown };
    this.#change(id, { count: event.number, events: [event, ...found.events].slice(0, MOST) });
  }

  #change(id: number, change: Partial<Followed>): void {
    this.list = this.list.map((each) => (each.id === id ? { ...each, ...change } : each));
    this.#tell();
  }

  #say(connection: string): void {
    this.connection = connection;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const time = (at: Date): string => at.toLocaleTimeString();

const until = (expiresAt: string | undefined): string => (expiresAt ? ` until ${time(new Date(expiresAt))}` : "");

const words = (error: WatchwordError): string => `${error.code}: ${error.message}`;
