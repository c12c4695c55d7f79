import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, FakeSocket, server, settled } from "./fakes.mjs";

const at = (name) => import(`${process.env.PACKAGE}/${name}.js`);
const { createLive, createSession, memoryStore } = await at("index"), { createClient } = await at("graphql-ws");

/** A client, with its only subscription on a socket on which an event has come. */
async function following(start) {
  const session = createSession({ url: "https://api.example.com", fetch: server({}).fetch, clock: new FakeClock(), store: memoryStore() });
  const followed = start(createClient(createLive(session, { webSocket: FakeSocket, transport: "websocket" })));
  await settled();
  FakeSocket.last.open();
  FakeSocket.last.say({ type: "connection_ack" });
  FakeSocket.last.say({ type: "next", id: FakeSocket.last.sent.at(-1).id, payload: { data: { a: 1 }, extensions: { cursor: "c1" } } });
  return followed;
}

/** Let the server say that events are gone, and that it follows from now on. */
function lose() {
  const socket = FakeSocket.last, id = socket.sent.at(-1).id;
  socket.say({ type: "error", id, payload: [{ message: "", extensions: { code: "CURSOR_EXPIRED" } }] });
  socket.say({ type: "pong", payload: { id: socket.sent.at(-1).id, cursor: "c9" } });
}

test("a sink is told by an error that events are missing, and the subscription has ended", async () => {
  const heard = [], sink = { next: ({ data }) => heard.push(data.a), error: ([{ extensions }]) => heard.push(extensions.code), complete: () => heard.push("complete") };
  await following((client) => client.subscribe({ query: "subscription { a }" }, sink));
  lose();
  assert.deepEqual([heard, FakeSocket.last.sent.at(-1).type], [[1, "CURSOR_EXPIRED"], "complete"]);
});

test("a loop throws when events are missing", async () => {
  const loop = await following((client) => client.iterate({ query: "subscription { a }" }));
  lose();
  assert.equal((await loop.next()).value.data.a, 1);
  await assert.rejects(loop.next(), { code: "CURSOR_EXPIRED" });
});
