import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSocket, settled } from "./fakes.mjs";
import { QUERY, accepted, made, next } from "./lives.mjs";

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
  const { queueMicrotask } = globalThis;
  // What a microtask throws is an uncaught error of the page.
  globalThis.queueMicrotask = (task) => {
    try {
      task();
    } catch (error) {
      thrown.push(error.message);
    }
  };
  live.subscribe(QUERY, {}, { next: () => { throw new Error("of the page"); } });
  follow();
  const [first, second] = await accepted();
  next(first, 1, "c1");
  next(second, 2, "c2");
  await settled();
  globalThis.queueMicrotask = queueMicrotask;
  assert.deepEqual([heard, thrown], [[2], ["of the page"]]);
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

test("a server that has more time to answer has more time to follow", async () => {
  const { clock, heard, follow } = await made({ timeout: 20_000 });
  follow();
  const [id] = await accepted();
  await clock.move(3_900);
  FakeSocket.last.say({ type: "pong", payload: { id, cursor: "c1" } });
  await clock.move(1_000);
  FakeSocket.last.end(1006);
  await clock.move(2_000);
  await accepted();
  assert.deepEqual([FakeSocket.last.sent.at(-1).payload.extensions, heard], [{ resume: "c1" }, []]);
});
