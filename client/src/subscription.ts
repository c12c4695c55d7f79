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
  /** The server follows from now on: what is fetched now and what comes next leave no gap. */
  started?(): void;
  /** Events may be missing: fetch the present state again. The subscription goes on with what happens from now on. */
  missed?(error: WatchwordError): void;
}

const LOST = { message: "Events may have gone by before the server followed.", extensions: { code: "CURSOR_EXPIRED" } };

/** One subscription of the page: where it stands, over all connections. */
export class Subscription {
  readonly request: Request;
  /** The id under which the present wire knows it; null if that does not. */
  id: string | null = null;
  #observer: Observer<never>;
  #cursor: string | undefined;
  #hasBegun = false;
  // Set while the server has the request and has not said that it follows.
  #isStarting = false;
  // Set if it was only taken to follow, because the server has not said so in time.
  #isGuessed = false;
  #gap: readonly GraphQLFault[] | null = null;

  constructor(request: Request, observer: Observer<never>) {
    this.request = request;
    this.#observer = observer;
  }

  /** Return the request to subscribe with, which continues after the last event. */
  resuming(): Request {
    return { ...this.request, extensions: this.#cursor === undefined ? { position: true } : { resume: this.#cursor } };
  }

  /** Note that the server has been sent the request. */
  begun(): void {
    if (this.#hasBegun && this.#cursor === undefined) this.#gap ??= [LOST];
    this.#hasBegun = this.#isStarting = true;
  }

  /**
   * Note that the server follows from now on, and where. The page must not fetch the present state before. After a
   * guess, what it has fetched was too early: it is told of a gap.
   */
  started(cursor?: string, isGuess = false): void {
    if (cursor !== undefined && this.#isGuessed) {
      this.#isStarting = true;
      this.#gap ??= [LOST];
    }
    this.#cursor = cursor ?? this.#cursor;
    if (!this.#isStarting) return;
    this.#isStarting = false;
    this.#isGuessed = isGuess && this.#cursor === undefined;
    const gap = this.#gap;
    this.#gap = null;
    if (gap) this.#tell("missed", failed(gap));
    this.#tell("started");
  }

  next(answer: Answer): void {
    this.started();
    if (typeof answer.extensions?.cursor === "string") this.#cursor = answer.extensions.cursor;
    this.#tell("next", answer);
  }

  /** Note that events after the cursor are gone. Returns false if there was no cursor. */
  lost(errors: readonly GraphQLFault[]): boolean {
    const had = this.#cursor !== undefined;
    this.#cursor = undefined;
    if (had) this.#gap = errors;
    return had;
  }

  fail(error: WatchwordError): void {
    if (this.#observer.error) this.#tell("error", error);
    else guarded(() => {
      throw error;
    });
  }

  complete(): void {
    this.#tell("complete");
  }

  #tell(name: keyof Observer, value?: unknown): void {
    guarded(() => this.#observer[name]?.(value as never));
  }
}
