import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, FakeSocket, json, server, settled, stream, token, tokens } from "./fakes.mjs";

const { createLive, createSession, memoryStore } = await import(`${process.env.PACKAGE}/index.js`);
const LOGIN = { email: "ann@example.com", password: "secret" };
const QUERY = "subscription { made }";

async function made({ signedIn = false, routes = {}, dpop, ...options } = {}) {
  const clock = new FakeClock(), said = [], asked = server({ "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => tokens("s1"), "/api/auth/logout": () => json(null, 204), ...routes });
  const session = createSession({ url: "https://api.example.com", fetch: asked.fetch, clock, store: memoryStore(), dpop });
  if (signedIn) await session.signIn(LOGIN);
  await session.ready;
  FakeSocket.made = [];
  const live = createLive(session, { webSocket: FakeSocket, transport: "websocket", ...options });
  for (const name of ["connecting", "connected", "closed", "waiting", "renewed"]) live.on(name, (value) => said.push([name, value]));
  const heard = [];
  const follow = () => live.subscribe(QUERY, {}, {
    next: ({ data }) => heard.push(data.made),
    error: (error) => heard.push(`error ${error.code}`),
    missed: () => heard.push("missed"),
    complete: () => heard.push("complete"),
  });
  return { session, live, clock, said, heard, follow, asked };
}

/** Let the newest socket be accepted; returns the ids that it carries. */
async function accepted() {
  await settled();
  const socket = FakeSocket.last;
  socket.open();
  socket.say({ type: "connection_ack" });
  await settled();
  return socket.sent.filter(({ type }) => type === "subscribe").map(({ id }) => id);
}

const next = (id, value, cursor) => FakeSocket.last.say({ type: "next", id, payload: { data: { made: value }, extensions: { cursor } } });

test("a message that makes no sense cuts the socket, and what it carried resumes", async () => {
  for (const nonsense of ["<html>", "null", "1", "[]", "{}", '{"type": "nonsense"}', '{"type": 4}']) {
    const { clock, heard, follow } = await made();
    follow();
    const [id] = await accepted();
    next(id, 1, "c1");
    FakeSocket.last.say(nonsense);
    await clock.move(1_000);
    await accepted();
    assert.deepEqual(FakeSocket.last.sent.at(-1).payload.extensions, { resume: "c1" });
    assert.deepEqual(heard, [1]);
  }
});

test("a token that has expired is renewed at once, however long the server was away", async () => {
  const { clock, said, follow } = await made({ signedIn: true });
  follow();
  await accepted();
  FakeSocket.last.end(1006);
  // No attempt gets through.
  await clock.move(200_000);
  assert.ok(FakeSocket.made.length > 5);
  const refused = async () => {
    const { length } = FakeSocket.made;
    while (FakeSocket.made.length === length) await clock.move(1_000);
    FakeSocket.last.open();
    FakeSocket.last.end(4403, "token expired");
    return said.findLast(([name]) => name === "waiting")[1].milliseconds;
  };
  assert.deepEqual([await refused(), await refused()], [0, 0]);
  // A server that refuses each new token is not asked without a pause.
  assert.ok((await refused()) > 0);
});

test("messages of operations that nobody has are ignored", async () => {
  const { heard, follow } = await made();
  follow();
  const [id] = await accepted(), socket = FakeSocket.last;
  for (const other of ["nobody", undefined, 7, {}]) {
    for (const type of ["next", "error", "complete"]) socket.say({ type, id: other, payload: [{}] });
  }
  socket.say({ type: "pong", payload: { id: "nobody", cursor: "c" } });
  next(id, 1, "c1");
  assert.deepEqual(heard.at(-1), 1);
  assert.ok(!heard.some((each) => String(each).startsWith("error")));
});

test("a socket that never answers is left, first before and then after its acknowledgement", async () => {
  const { clock, said, follow } = await made();
  follow();
  await settled();
  await clock.move(10_000);
  assert.deepEqual(said.map(([name]) => name).slice(0, 3), ["connecting", "closed", "waiting"]);
  await clock.move(2_000);
  await accepted();
  const socket = FakeSocket.last;
  await clock.move(30_000);
  assert.equal(socket.sent.at(-1).type, "ping");
  socket.say({ type: "pong" });
  await clock.move(30_000);
  assert.equal(socket.sent.filter(({ type }) => type === "ping").length, 2);
  await clock.move(10_000);
  assert.deepEqual(said.findLast(([name]) => name === "closed")[1].reason, "The server is silent.");
});

test("a server that accepts and closes at once is not asked without a pause", async () => {
  for (const code of [1012, 1013, 4403, 4401]) {
    const { clock, said, follow } = await made({ signedIn: true });
    follow();
    for (let turn = 0; turn < 12; turn += 1) {
      await settled();
      if (FakeSocket.last.readyState !== 0) continue;
      await accepted();
      FakeSocket.last.end(code);
      await clock.move(60_000);
    }
    const waits = said.filter(([name]) => name === "waiting").map(([, { milliseconds }]) => milliseconds);
    assert.ok(waits.at(-1) > 5_000, `${code}: ${waits}`);
  }
});

test("4403 gets another token at once, and resumes with it", async () => {
  const { session, clock, heard, follow } = await made({ signedIn: true });
  follow();
  const [id] = await accepted(), before = await session.token();
  next(id, 1, "c1");
  await clock.move(20_000);
  FakeSocket.last.end(4403);
  await clock.move(0);
  await accepted();
  const [{ payload }] = FakeSocket.last.sent;
  assert.notEqual(payload.authorization, `Bearer ${before}`);
  assert.equal(payload.authorization, `Bearer ${await session.token()}`);
  assert.deepEqual([heard, FakeSocket.last.sent.at(-1).payload.extensions], [[1], { resume: "c1" }]);
});

test("a reminder of the server is followed until there is another token, although the server reminds once", async () => {
  const routes = {}, { clock, said, asked, follow } = await made({ signedIn: true, routes: { "/api/auth/refresh": (given) => routes.refresh(given) } });
  follow();
  await accepted();
  const socket = FakeSocket.last, renewals = () => socket.sent.filter(({ type, payload }) => type === "ping" && payload?.authorization);
  routes.refresh = () => Promise.reject(new TypeError("away"));
  socket.say({ type: "ping", payload: { expiresAt: "soon" } });
  await clock.move(10_000);
  const refreshes = () => asked.paths().filter((path) => path.endsWith("refresh")).length, before = refreshes();
  assert.ok(before > 2, `${before}`);
  // The server is back, and asks for patience first.
  routes.refresh = () => json({ error: "too_many_requests" }, 429, { "retry-after": "40" });
  while (refreshes() === before) await clock.move(1_000);
  routes.refresh = () => tokens("s1");
  // It is asked for a sign of life every thirty seconds.
  for (let waited = 0; waited < 38; waited += 1) await clock.move(1_000), socket.say({ type: "pong" });
  assert.deepEqual([refreshes(), renewals().length], [before + 1, 0]);
  await clock.move(3_000);
  assert.deepEqual([refreshes(), renewals().length], [before + 2, 1]);
  assert.ok(!said.some(([name]) => name === "closed"));
});

test("a reminder is followed until an identity provider's library has another token", async () => {
  const given = token("x"), clock = new FakeClock(), said = { token: given };
  const session = createSession({ url: "https://api.example.com", fetch: server({}).fetch, clock, getToken: async () => said.token });
  await session.ready;
  createLive(session, { webSocket: FakeSocket, transport: "websocket" }).subscribe(QUERY, {}, { next() {} });
  await accepted();
  const socket = FakeSocket.last, renewals = () => socket.sent.filter(({ type, payload }) => type === "ping" && payload?.authorization).length;
  socket.say({ type: "ping", payload: { expiresAt: "soon" } });
  // The server answers when it is asked for a sign of life.
  const wait = async (seconds) => {
    for (let waited = 0; waited < seconds; waited += 1) await clock.move(1_000), socket.say({ type: "pong" });
  };
  await wait(20);
  assert.equal(renewals(), 0);
  said.token = token("x");
  await wait(40);
  assert.equal(renewals(), 1);
  assert.equal(FakeSocket.last, socket);
});

test("a reminder is forgotten with its socket", async () => {
  const { clock, session, asked, follow } = await made({ signedIn: true, routes: { "/api/auth/refresh": () => Promise.reject(new TypeError("away")) } });
  const stop = follow();
  await accepted();
  FakeSocket.last.say({ type: "ping", payload: { expiresAt: "soon" } });
  await settled();
  stop();
  await clock.move(60_000);
  assert.equal(session.state, "signedIn");
  // The idle socket is kept for a second.
  assert.ok(asked.paths().filter((path) => path.endsWith("refresh")).length <= 2);
});

test("4401 ends nothing if a refresh brings another token, and the subscription goes on with that", async () => {
  const { session, clock, heard, follow } = await made({ signedIn: true });
  follow();
  const [id] = await accepted(), ended = [];
  session.on("expired", () => ended.push("expired"));
  next(id, 1, "c1");
  await clock.move(20_000);
  FakeSocket.last.end(4401);
  await clock.move(0);
  await accepted();
  const [{ payload }, subscribe] = FakeSocket.last.sent;
  assert.deepEqual([payload.authorization, subscribe.payload.extensions], [`Bearer ${await session.token()}`, { resume: "c1" }]);
  assert.deepEqual([heard, ended, session.state], [[1], [], "signedIn"]);
});

test("what the server will always refuse is not tried again", async () => {
  for (const code of [4400, 4401, 4406, 4409]) {
    const { clock, heard, follow } = await made();
    follow();
    await accepted();
    const before = FakeSocket.made.length;
    FakeSocket.last.end(code, "no");
    await clock.move(600_000);
    assert.deepEqual([heard, FakeSocket.made.length], [["error CLOSED"], before]);
  }
});

test("a connection that an administrator ended does not come back on its own, and the session goes on", async () => {
  const { session, clock, heard, follow } = await made({ signedIn: true });
  follow();
  await accepted();
  const before = FakeSocket.made.length;
  FakeSocket.last.end(4401, "ended by an administrator");
  await clock.move(600_000);
  assert.deepEqual([heard, FakeSocket.made.length, session.state], [["error CONNECTION_ENDED"], before, "signedIn"]);
  follow();
  await accepted();
  assert.equal(FakeSocket.made.length, before + 1);
});

test("a subscription that is refused for now is asked for again, and one that is refused is over", async () => {
  const { clock, heard, follow } = await made();
  follow();
  const [id] = await accepted();
  FakeSocket.last.say({ type: "error", id, payload: [{ message: "", extensions: { code: "RATE_LIMITED", retryAfter: 3 } }] });
  // Three seconds, with jitter, and two until it is taken to follow.
  await clock.move(9_000);
  const again = FakeSocket.last.sent.at(-1);
  // It did not follow in the meantime.
  assert.deepEqual([again.type, heard], ["subscribe", ["missed"]]);
  FakeSocket.last.say({ type: "error", id: again.id, payload: [{ message: "", extensions: { code: "FORBIDDEN" } }] });
  await clock.move(60_000);
  assert.deepEqual(heard, ["missed", "error FORBIDDEN"]);
});

test("a subscription that is refused for a year is asked for again within two hours, and one for no time not at once", async () => {
  for (const [retryAfter, before, after] of [[31_536_000, 3_590_000, 3_700_000], [0, 900, 1_200], [-1, 900, 1_200], ["soon", 900, 1_200]]) {
    const { clock, follow } = await made({ heartbeat: 1e9 });
    follow();
    const [id] = await accepted(), socket = FakeSocket.last;
    const subscribed = () => socket.sent.filter(({ type }) => type === "subscribe").length;
    socket.say({ type: "error", id, payload: [{ message: "", extensions: { code: "RATE_LIMITED", retryAfter } }] });
    await clock.move(before);
    assert.equal(subscribed(), 1);
    await clock.move(after);
    assert.equal(subscribed(), 2);
  }
});

test("nothing keeps a process running after close", async () => {
  const { session, live, clock, follow } = await made({ signedIn: true, routes: { "/api/auth/refresh": () => new Response("", { status: 503 }) } });
  follow();
  follow();
  const [id] = await accepted();
  FakeSocket.last.say({ type: "error", id, payload: [{ message: "", extensions: { code: "RATE_LIMITED", retryAfter: 600 } }] });
  FakeSocket.last.say({ type: "ping", payload: { expiresAt: "" } });
  await settled();
  live.close();
  session.close();
  // What is left is the pause of half a second between bursts of messages.
  await clock.move(500);
  assert.equal(clock.timers, 0);
});

test("a loop that asks for several answers at once gets them all, and its end", async () => {
  const { live } = await made(), loop = live.subscribe(QUERY);
  const asked = [loop.next(), loop.next(), loop.next()];
  const [id] = await accepted();
  next(id, 1, "c1");
  next(id, 2, "c2");
  FakeSocket.last.say({ type: "complete", id });
  const got = await Promise.all(asked);
  assert.deepEqual(got.map(({ done, value }) => (done ? "end" : value.data.made)), [1, 2, "end"]);
});

test("the page is told of a gap once the server follows again, and not before", async () => {
  const { heard, follow } = await made();
  follow();
  const [id] = await accepted(), socket = FakeSocket.last;
  next(id, 1, "c1");
  socket.say({ type: "error", id, payload: [{ message: "", extensions: { code: "CURSOR_EXPIRED" } }] });
  const again = socket.sent.at(-1);
  assert.deepEqual([again.payload.extensions, heard], [{ position: true }, [1]]);
  socket.say({ type: "pong", payload: { id: again.id, cursor: "c9" } });
  assert.deepEqual(heard, [1, "missed"]);
});

test("a server that says CURSOR_EXPIRED without a cursor is not asked for ever", async () => {
  const { heard, follow } = await made();
  follow();
  const [id] = await accepted();
  FakeSocket.last.say({ type: "error", id, payload: [{ message: "", extensions: { code: "CURSOR_EXPIRED" } }] });
  assert.deepEqual(heard, ["error CURSOR_EXPIRED"]);
});

test("what a callback throws stops neither the others nor the socket", async () => {
  const { live, heard, follow } = await made();
  const thrown = [];
  const reported = globalThis.reportError;
  globalThis.reportError = (error) => thrown.push(error.message);
  live.subscribe(QUERY, {}, { next: () => { throw new Error("of the page"); } });
  follow();
  const [first, second] = await accepted();
  next(first, 1, "c1");
  next(second, 2, "c2");
  await settled();
  globalThis.reportError = reported;
  assert.deepEqual([heard, thrown], [[2], ["of the page"]]);
});

test("a socket without subscriptions is closed, and one that is needed again is kept", async () => {
  const { clock, follow } = await made();
  follow()();
  const stop = follow();
  await accepted();
  stop();
  const kept = FakeSocket.last;
  await clock.move(500);
  const other = follow();
  await clock.move(5_000);
  assert.equal(kept.closedWith, undefined);
  other();
  await clock.move(5_000);
  assert.deepEqual([kept.closedWith, FakeSocket.made.length], [1000, 1]);
});

test("a loop gets each event, and leaving it stops the subscription", async () => {
  const { live } = await made();
  const got = [];
  const looping = (async () => {
    for await (const { data } of live.subscribe(QUERY)) if (got.push(data.made) === 2) break;
  })();
  const [id] = await accepted();
  for (const each of [1, 2, 3]) next(id, each, `c${each}`);
  await looping;
  assert.deepEqual([got, FakeSocket.last.sent.at(-1)], [[1, 2], { type: "complete", id }]);
});

test("a loop whose subscription is refused throws the reason", async () => {
  const { live } = await made();
  const looping = assert.rejects(live.subscribe(QUERY).next(), { code: "FORBIDDEN" });
  const [id] = await accepted();
  FakeSocket.last.say({ type: "error", id, payload: [{ message: "no", extensions: { code: "FORBIDDEN" } }] });
  await looping;
});

test("a token of another session closes the socket of the one before", async () => {
  const { session, follow } = await made({ signedIn: true });
  follow();
  await accepted();
  const before = FakeSocket.last;
  await session.signOut();
  await accepted();
  assert.deepEqual([before.closedWith, FakeSocket.last.sent[0].payload], [1000, {}]);
});

test("a page that fetched before the server followed is told of a gap, once", async () => {
  const { clock, heard, follow } = await made();
  follow();
  const [id] = await accepted();
  await clock.move(2_000);
  assert.deepEqual(heard, []);
  for (const cursor of ["c1", "c1"]) FakeSocket.last.say({ type: "pong", payload: { id, cursor } });
  assert.deepEqual(heard, ["missed"]);
});

test("closing completes every subscription, and its loops end", async () => {
  const { live, heard, follow } = await made();
  follow();
  const looping = live.subscribe(QUERY).next();
  await accepted();
  live.close();
  assert.deepEqual([await looping, heard, FakeSocket.last.closedWith], [{ done: true, value: undefined }, ["complete"], 1000]);
});

test("a loop that is too slow is stopped, gets what waits and then the error", async () => {
  const { live } = await made(), loop = live.subscribe(QUERY);
  const [id] = await accepted();
  for (let value = 1; value <= 1_500; value += 1) next(id, value, `c${value}`);
  assert.deepEqual(FakeSocket.last.sent.at(-1), { type: "complete", id });
  for (let value = 1; value <= 1_000; value += 1) assert.equal((await loop.next()).value.data.made, value);
  await assert.rejects(loop.next(), { code: "TOO_SLOW" });
  assert.equal((await loop.next()).done, true);
});

test("a connection that is made after its timeout is closed", async () => {
  const given = [], dpop = { proof: () => new Promise((done) => given.push(done)) };
  const { clock, follow } = await made({ dpop });
  follow();
  await clock.move(10_000);
  given.shift()("late");
  await settled();
  FakeSocket.last.open();
  assert.deepEqual([FakeSocket.made.length, FakeSocket.last.closedWith], [1, 1000]);
});

test("a renewal without a proof of the key leaves the connection as it is", async () => {
  const dpop = { proof: async (method) => (method === "GET" && FakeSocket.made.length > 0 ? Promise.reject(new Error("no key")) : "proof") };
  const { session, said, follow } = await made({ signedIn: true, dpop });
  follow();
  await accepted();
  await session.refresh();
  await settled();
  assert.ok(!said.some(([name]) => name === "closed"));
});

test("where WebSockets got through once, server-sent events are tried after three failures in a row", async () => {
  const tried = [], { clock, follow } = await made({ transport: "auto", routes: { "/graphql": ({ headers }) => (tried.push(headers.get("accept")), json({}, 500)) } });
  follow();
  await accepted();
  FakeSocket.last.end(1006);
  for (let failures = 1; failures <= 3; failures += 1) {
    for (const { length } = FakeSocket.made; FakeSocket.made.length === length; ) await clock.move(500);
    assert.deepEqual(tried, []);
    FakeSocket.last.end(1006);
  }
  await clock.move(9_000);
  assert.equal(tried[0], "text/event-stream");
});

const fault = (code) => json({ errors: [{ message: "", extensions: { code } }] }, 401);

test("over server-sent events one subscription of an anonymous page needs somebody, and the others go on", async () => {
  const open = stream(), routes = { "/graphql": ({ body }) => (body.query === QUERY ? open.response() : fault("UNAUTHENTICATED")) };
  const { live, heard, follow } = await made({ transport: "sse", routes });
  follow();
  live.subscribe("subscription { own }", {}, { next() {}, error: ({ code }) => heard.push(code) });
  while (heard.length < 1) await settled();
  open.say({ data: { made: 1 } });
  while (heard.length < 2) await settled();
  assert.deepEqual(heard, ["UNAUTHENTICATED", 1]);
});

test("a stream that ends with its token does not make the session give up the new one", async () => {
  const open = stream(), { session, asked, clock, follow } = await made({ signedIn: true, transport: "sse", routes: { "/graphql": () => open.response() } });
  follow();
  await settled();
  const renewed = await session.refresh(), refreshes = () => asked.paths().filter((path) => path.endsWith("refresh")).length, before = refreshes();
  open.say({ errors: [{ message: "", extensions: { code: "TOKEN_EXPIRED" } }] });
  while (asked.paths().filter((path) => path === "/graphql").length < 2) await clock.move(1_000);
  assert.equal(asked.seen.at(-1).headers.get("authorization"), `Bearer ${renewed}`);
  assert.equal(refreshes(), before);
});

const away = (status, body, headers) => () => new Response(body, { status, headers: { "content-type": "application/json", ...headers } });
const refusing = (code) => JSON.stringify({ errors: [{ message: "", extensions: { code } }] });
const HTML = { "content-type": "text/html" };

for (const [name, refused] of Object.entries({
  "a proxy's page": away(503, "<h1>503</h1>", { "retry-after": "90", ...HTML }),
  "a proxy's page with a time": away(429, "<h1>429</h1>", { "retry-after": "Mon, 30 Nov 2026 12:01:30 GMT", date: "Mon, 30 Nov 2026 12:00:00 GMT", ...HTML }),
  "a server that starts": away(503, refusing("UNAVAILABLE"), { "retry-after": "90" }),
  "a server that ends": away(503, refusing("DRAINING"), { "retry-after": "90" }),
})) {
  test(`a stream that is refused is asked for again when Retry-After says: ${name}`, async () => {
    const open = stream();
    let answer = refused;
    const { asked, clock, heard, follow } = await made({ transport: "sse", routes: { "/graphql": () => answer() } });
    follow();
    await settled();
    answer = open.response;
    await clock.move(89_000);
    assert.equal(asked.seen.length, 1);
    for (let turn = 0; asked.seen.length < 2 && turn < 95; turn += 1) await clock.move(1_000);
    open.say({ data: { made: 1 } });
    for (let turn = 0; !heard.includes(1) && turn < 100; turn += 1) await settled();
    assert.ok(heard.includes(1), `${heard}`);
  });
}
