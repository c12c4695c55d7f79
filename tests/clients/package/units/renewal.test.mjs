import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, FakeSocket, json, server, settled, token, tokens } from "./fakes.mjs";
import { QUERY, accepted, createLive, createSession, made, next } from "./lives.mjs";

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

test("a renewal without a proof of the key leaves the connection as it is", async () => {
  const dpop = { proof: async (method) => (method === "GET" && FakeSocket.made.length > 0 ? Promise.reject(new Error("no key")) : "proof") };
  const { session, said, follow } = await made({ signedIn: true, dpop });
  follow();
  await accepted();
  await session.refresh();
  await settled();
  assert.ok(!said.some(([name]) => name === "closed"));
});
