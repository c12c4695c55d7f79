import { guarded } from "./emitter.js";
import { type Answer, type GraphQLFault, WatchwordError, failed } from "./errors.js";
import type { Request } from "./wire.js";

/** What a page does with what it follows. */
export interface Observer<Data = unknown> {
  /** One event. `errors` are of this event alone; the next one follows. */
  next(answer: Answer<Data>): void;
  /** The subscription has ended for good: `code` says why (`FORBIDDEN`, …). */
  error?(error: WatchwordError): void;
  /** The server has ended it. */
  complete?(): void;
  /** Events may be missing: fetch the present state again. The subscription goes on with what happens from now on. */
  missed?(error: WatchwordError): void;
}

const LOST = { message: "The connection was cut before the first event.", extensions: { code: "CURSOR_EXPIRED" } };

/** One subscription of the page: where it stands, over all connections. */
export class Subscription {
  readonly request: Request;
  /** The id under which the present wire knows it; null if that does not. */
  id: string | null = null;
  #observer: Observer<never>;
  #cursor: string | undefined;
  #hasBegun = false;

  constructor(request: Request, observer: Observer<never>) {
    this.request = request;
    this.#observer = observer;
  }

  /** Return the request to subscribe with, which continues after the last event. */
  resuming(): Request {
    return this.#cursor === undefined ? this.request : { ...this.request, extensions: { resume: this.#cursor } };
  }

  /** Note that the server has had the request. Tells the page if events may have been lost since it had it before. */
  begun(): void {
    if (this.#hasBegun && this.#cursor === undefined) this.#missed([LOST]);
    this.#hasBegun = true;
  }

  next(answer: Answer): void {
    if (typeof answer.extensions?.cursor === "string") this.#cursor = answer.extensions.cursor;
    guarded(() => this.#observer.next(answer as Answer<never>));
  }

  /** Note that events after the cursor are gone. Returns false if there was no cursor. */
  lost(errors: readonly GraphQLFault[]): boolean {
    const had = this.#cursor !== undefined;
    this.#cursor = undefined;
    this.#hasBegun = false;
    if (had) this.#missed(errors);
    return had;
  }

  fail(error: WatchwordError): void {
    const { error: tell } = this.#observer;
    guarded(() => {
      if (!tell) throw error;
      tell.call(this.#observer, error);
    });
  }

  complete(): void {
    guarded(() => this.#observer.complete?.());
  }

  #missed(errors: readonly GraphQLFault[]): void {
    guarded(() => this.#observer.missed?.(failed(errors)));
  }
}
