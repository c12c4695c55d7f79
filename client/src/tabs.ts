import type { Clock } from "./clock.js";
import { guarded } from "./emitter.js";

/** What one tab tells the others. It has no token in it. */
export interface TabMessage {
  type: "signedIn" | "signedOut";
  sid: string;
}

// Others of this origin may write to the channel too. A message of another type is nobody's.
const isMessage = (value: unknown): value is TabMessage => typeof (value as TabMessage | null)?.sid === "string";

/**
 * The tabs that share a refresh token. With a name, work in `exclusive` is done one at a time over all tabs of this
 * origin (Web Locks), and `tell` reaches the others (BroadcastChannel). Without these, or without a name, this page is
 * alone.
 */
export class Tabs {
  #name: string | null;
  #clock: Clock;
  #patience: number;
  #last: Promise<unknown> = Promise.resolve();
  #channel: BroadcastChannel | null = null;

  /** `patience`: milliseconds after which a lock that another tab holds is no longer waited for. */
  constructor(name: string | null, clock: Clock, patience: number) {
    this.#name = name;
    this.#clock = clock;
    this.#patience = patience;
  }

  /** Call back for each message of another tab. */
  listen(heard: (message: TabMessage) => void): void {
    if (this.#name === null || !globalThis.BroadcastChannel) return;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => {
      if (isMessage(data)) guarded(() => heard(data));
    };
    // In Node.js an open channel would keep the process running.
    (this.#channel as { unref?: () => void }).unref?.();
  }

  tell(message: TabMessage): void {
    this.#channel?.postMessage(message);
  }

  close(): void {
    this.#channel?.close();
    this.#channel = null;
  }

  /** Do one thing at a time, in the order of the calls. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => this.#locked(work));
    this.#last = done.catch(() => {});
    return done;
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const locks = globalThis.navigator?.locks;
    if (this.#name === null || !locks) return work();
    const waiting = new AbortController();
    const cancel = this.#clock.after(this.#patience, () => waiting.abort());
    let begun = false;
    const begin = (): Promise<T> => {
      begun = true;
      cancel();
      return work();
    };
    try {
      return await locks.request(this.#name, { signal: waiting.signal }, begin);
    } catch (error) {
      // A tab that hangs must not keep the others from refreshing; without a secure context there are no locks.
      if (begun) throw error;
      return work();
    } finally {
      cancel();
    }
  }
}
