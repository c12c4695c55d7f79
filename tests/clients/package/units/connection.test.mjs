import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSocket, json, settled, stream, tokens } from "./fakes.mjs";
import { QUERY, accepted, made, next } from "./lives.mjs";

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

test("a token of another session closes the socket of the one before", async () => {
  const { session, follow } = await made({ signedIn: true });
  follow();
  await accepted();
  const before = FakeSocket.last;
  await session.signOut();
  await accepted();
  assert.deepEqual([before.closedWith, FakeSocket.last.sent[0].payload], [1000, {}]);
});

test("closing completes every subscription, and its loops end", async () => {
  const { live, heard, follow } = await made();
  follow();
  const looping = live.subscribe(QUERY).next();
  await accepted();
  live.close();
  assert.deepEqual([await looping, heard, FakeSocket.last.closedWith], [{ done: true, value: undefined }, ["complete"], 1000]);
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

test("a page that wakes gives an attempt that is under way two seconds from its begin, and makes it anew", async () => {
  globalThis.window = new EventTarget();
  const { clock, follow } = await made(), wake = () => globalThis.window.dispatchEvent(new Event("online"));
  follow();
  await settled();
  const [hung] = FakeSocket.made;
  await clock.move(500);
  wake();
  await clock.move(1_000);
  assert.equal(FakeSocket.made.length, 1);
  await clock.move(500);
  assert.equal(FakeSocket.made.length, 2);
  // What comes of the first attempt is nothing to the page.
  hung.open();
  assert.deepEqual([hung.sent, hung.closedWith], [[], 1000]);
  // As after a night: the second attempt is an old one.
  await clock.move(5_000);
  wake();
  await clock.move(0);
  assert.equal(FakeSocket.made.length, 3);
  // An attempt that succeeds is kept, however often the page wakes.
  wake();
  await accepted();
  wake();
  await clock.move(5_000);
  assert.deepEqual([FakeSocket.made.length, FakeSocket.last.closedWith], [3, undefined]);
  delete globalThis.window;
});

test("server-sent events that got through are tried again after a token could not be fetched", async () => {
  let failing = 0, open;
  const refresh = () => {
    if (failing-- > 0) throw new TypeError("fetch failed");
    return tokens("s1");
  };
  const routes = { "/api/auth/refresh": refresh, "/graphql": () => (open = stream()).response() };
  const { clock, heard, follow } = await made({ transport: "auto", signedIn: true, routes });
  follow();
  while (!open) {
    await clock.move(1_000);
    if (!open) FakeSocket.last.end(1006);
  }
  open.say({ data: { made: 1 } });
  await clock.move(20_000);
  const { length } = FakeSocket.made, before = open;
  failing = 1;
  open.say({ errors: [{ message: "", extensions: { code: "TOKEN_EXPIRED" } }] });
  while (open === before) await clock.move(1_000);
  open.say({ data: { made: 2 } });
  await settled();
  assert.deepEqual([heard.at(-1), failing, FakeSocket.made.length], [2, -1, length]);
});
