import type { Answer } from "./errors.js";
import type { Clock } from "./clock.js";
import type { Expiry, Request, Wire, WireEvents } from "./wire.js";

interface Message {
  type?: unknown;
  id?: unknown;
  payload?: unknown;
}

// The server closes a socket that sends more than WATCHWORD_MAX_MESSAGES_PER_SECOND, which is 100 unless set.
const BURST = 40;
const PAUSE = 500;

/** Speaks graphql-transport-ws over one WebSocket. */
export class SocketWire implements Wire {
  #socket: WebSocket;
  #events: WireEvents;
  #clock: Clock;
  #waiting: object[] = [];
  #sent = 0;
  #isOver = false;
  // The id of each operation that the server still answers.
  #open = new Set<string>();

  constructor(socket: WebSocket, credentials: Record<string, string>, events: WireEvents, clock: Clock) {
    this.#socket = socket;
    this.#events = events;
    this.#clock = clock;
    socket.onopen = () => this.#send({ type: "connection_init", payload: credentials });
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    // `close` follows `error`; its code says more.
    socket.onerror = () => {};
  }

  begin(): void {}

  subscribe(id: string, payload: Request): void {
    this.#open.add(id);
    this.#send({ type: "subscribe", id, payload });
  }

  complete(id: string): void {
    if (this.#open.delete(id)) this.#send({ type: "complete", id });
  }

  renew(credentials: Record<string, string>): boolean {
    this.#write({ type: "ping", payload: credentials });
    return true;
  }

  probe(): void {
    this.#write({ type: "ping" });
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.onopen = () => this.#socket.close(1000);
    if (this.#socket.readyState !== 0) this.#socket.close(1000);
  }

  #closed(code: number, reason: string): void {
    if (this.#isOver) return;
    this.close();
    this.#events.closed(code, reason);
  }

  #receive(data: unknown): void {
    const message = parsed(data);
    if (!message) return this.#confused();
    this.#events.heard();
    const { type } = message, id = String(message.id), payload = object(message.payload);
    if (type === "connection_ack") this.#events.opened(payload);
    else if (type === "ping") this.#pinged(payload);
    else if (type === "pong") this.#ponged(payload);
    else if (type === "next") this.#open.has(id) && this.#events.next(id, payload as Answer);
    else if (type === "complete") this.#open.delete(id) && this.#events.complete(id);
    else if (type === "error") this.#open.delete(id) && this.#events.error(id, Array.isArray(payload) ? payload : []);
    else this.#confused();
  }

  #confused(): void {
    this.#closed(1006, "The server's message makes no sense.");
  }

  #ponged(payload: Expiry & { id?: unknown; cursor?: unknown }): void {
    const { id, cursor } = payload;
    if (typeof id === "string" && typeof cursor === "string") this.#events.position(id, cursor);
    else if ("expiresAt" in payload) this.#events.renewed(payload);
  }

  #pinged(payload: Expiry): void {
    this.#write({ type: "pong" });
    if ("expiresAt" in payload) this.#events.reminded();
  }

  /** Send a message, in bursts that the server accepts. */
  #send(message: object): void {
    this.#waiting.push(message);
    this.#flush();
  }

  #flush(): void {
    while (this.#sent < BURST && this.#waiting.length > 0) {
      if (this.#sent++ === 0) this.#clock.after(PAUSE, () => ((this.#sent = 0), this.#flush()));
      this.#write(this.#waiting.shift()!);
    }
  }

  #write(message: object): void {
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(message));
  }
}

function parsed(data: unknown): Message | null {
  try {
    return JSON.parse(String(data)) as Message | null;
  } catch {
    return null;
  }
}

// What is no object becomes one without the members that are looked for.
const object: (payload: unknown) => Expiry = Object;
