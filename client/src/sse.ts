import { type Answer, detailsOf } from "./errors.js";
import { readEvents } from "./event-stream.js";
import type { Session } from "./session.js";
import type { Request, Wire, WireEvents } from "./wire.js";

// The close code that a socket would have had, for the code with which a stream ends.
const CLOSE_CODES: Record<string, number> = {
  TOKEN_EXPIRED: 4403,
  TOKEN_REVOKED: 4401,
  UNAUTHENTICATED: 4401,
  DRAINING: 1012,
  TOO_SLOW: 1013,
  TOKEN_NOT_YET_VALID: 1013,
};

/** Open streams of server-sent events, one for each subscription. */
export function connectSse(session: Session, token: string | null, events: WireEvents): Wire {
  return new SseWire(session, token, events);
}

/** Carries each subscription on a stream over HTTP. A stream cannot be renewed: it ends with its token, and resumes. */
class SseWire implements Wire {
  #session: Session;
  #token: string | null;
  #events: WireEvents;
  #streams = new Map<string, AbortController>();

  constructor(session: Session, token: string | null, events: WireEvents) {
    this.#session = session;
    this.#token = token;
    this.#events = events;
  }

  begin(): void {
    this.#events.opened({});
  }

  subscribe(id: string, request: Request): void {
    const stream = new AbortController();
    this.#streams.set(id, stream);
    this.#read(id, request, stream).catch((error: unknown) => {
      if (!stream.signal.aborted) this.#closed(1006, String(error));
    });
  }

  complete(id: string): void {
    this.#streams.get(id)?.abort();
    this.#streams.delete(id);
  }

  renew(): boolean {
    return false;
  }

  probe(): void {
    // A stream that was refused waits for its time. Without an open one, nothing is silent.
    if (this.#streams.size === 0) this.#events.heard();
  }

  close(): void {
    for (const each of this.#streams.values()) each.abort();
    this.#streams.clear();
  }

  #closed(code: number, reason: string, patience?: number): void {
    this.close();
    this.#events.closed(code, reason, patience);
  }

  async #read(id: string, request: Request, { signal }: AbortController): Promise<void> {
    const headers = { "content-type": "application/json", accept: "text/event-stream" };
    const init = { method: "POST", headers, body: JSON.stringify(request), signal };
    const response = await this.#session.requests.send(`${this.#session.url}/graphql`, init, this.#token);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return this.#refused(id, response, signal);
    await readEvents(response.body!, ({ event, data, cursor }) => {
      if (signal.aborted) return false;
      this.#events.heard();
      if (cursor && !data) this.#events.position(id, cursor);
      if (event === "next") this.#next(id, JSON.parse(data) as Answer);
      else if (event === "complete") this.#complete(id);
      return event !== "complete";
    });
    if (this.#streams.has(id)) this.#closed(1006, "The stream was cut.");
  }

  async #refused(id: string, response: Response, signal: AbortSignal): Promise<void> {
    const answer = (await response.json().catch(() => null)) as Answer | null;
    if (signal.aborted) return;
    const { retryAfter } = detailsOf(response, this.#session.clock);
    if (!answer || !Array.isArray(answer.errors)) return this.#closed(1006, `The server answers with status ${response.status}.`, retryAfter);
    this.#next(id, { ...answer, errors: answer.errors.map((each) => ({ ...each, extensions: { retryAfter, ...each.extensions } })) });
  }

  #next(id: string, answer: Answer): void {
    const [first] = answer.errors ?? [], code = first?.extensions?.code ?? "", closeCode = CLOSE_CODES[code];
    // An anonymous page may follow other things: this one needs somebody.
    const isOwn = code === "UNAUTHENTICATED" && this.#token === null;
    if (first && closeCode !== undefined && !isOwn && !("data" in answer)) return this.#closed(closeCode, first.message, first.extensions?.retryAfter);
    if (first && !("data" in answer)) {
      this.#streams.delete(id);
      return this.#events.error(id, answer.errors!);
    }
    this.#events.next(id, answer);
  }

  #complete(id: string): void {
    if (this.#streams.delete(id)) this.#events.complete(id);
  }
}
