// A clock that the test moves, and a server that answers what the test says: for what no real server does.
export class FakeClock {
  time = 1_000_000;
  #timers = new Set();
  now = () => this.time;
  after = (milliseconds, callback) => {
    const timer = { at: this.time + milliseconds, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };
  get timers() {
    return this.#timers.size;
  }
  /** Let time pass, with what is due in its order and what each of it starts. */
  async move(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      await settled();
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.time = Math.max(this.time, due.at);
      due.callback();
    }
    this.time = end;
    await settled();
  }
}

/** Wait until everything that can go on without a timer has gone on. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
let count = 0;
export const token = (sid, sub = "ann") => `${encoded({ alg: "ES256" })}.${encoded({ sub, sid, exp: 1, iat: 0, n: (count += 1) })}.x`;
export const json = (body, status = 200, headers = {}) =>
  new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
export const tokens = (sid, rest) => json({ access_token: token(sid), token_type: "Bearer", expires_in: 600, refresh_token: `r${count}`, ...rest });
export const refusal = (error, status = 401, headers = {}) => json({ error, error_description: error }, status, headers);

/** A `fetch` that notes each request and answers by its path; an answer may be a function of the request. */
export function server(routes) {
  const seen = [];
  const fetch = async (url, init) => {
    const { pathname } = new URL(url);
    const asked = { path: pathname, headers: new Headers(init.headers), body: init.body && JSON.parse(init.body), init };
    seen.push(asked);
    const answer = routes[pathname];
    if (!answer) throw new TypeError("fetch failed");
    return typeof answer === "function" ? answer(asked) : answer.clone();
  };
  return { fetch, seen, paths: () => seen.map(({ path }) => path) };
}

/** Streams of server-sent events; the newest says what the test says. */
export function stream() {
  let controller;
  const response = () => new Response(new ReadableStream({ start: (made) => void (controller = made) }), { headers: { "content-type": "text/event-stream" } });
  return { response, say: (answer) => controller.enqueue(new TextEncoder().encode(`event: next\ndata: ${JSON.stringify(answer)}\n\n`)) };
}

/** A WebSocket whose other side is the test. */
export class FakeSocket {
  static made = [];
  readyState = 0;
  sent = [];
  constructor(url, protocol) {
    Object.assign(this, { url, protocol });
    FakeSocket.made.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close(code) {
    this.readyState = 3;
    this.closedWith = code;
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message) {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
  end(code, reason = "") {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
  static get last() {
    return FakeSocket.made.at(-1);
  }
}
