// What is sent by id, and what is not: with a server and a socket whose other side is the test.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { parse } from "graphql";
import { FakeClock, FakeSocket, json, server, settled } from "./fakes.mjs";

const at = (name) => import(`${process.env.PACKAGE}/${name}.js`);
const { byId, manifestOf } = await at("documents"), { createLive, createSession } = await at("index");
const { watchwordNetwork } = await at("relay");

const QUERY = "query Q { viewer { id } }", FOLLOW = "subscription S { changed }";
const hash = (text) => createHash("sha256").update(text).digest("hex");
const answering = () => server({ "/graphql": () => json({ data: { viewer: null } }), "/api/auth/login": () => json({ error: "invalid_grant" }, 400) });

class Socket extends FakeSocket {
  OPEN = 1;
}

/** Wait until a socket has sent so many messages: a hash is computed in another thread. */
async function sent(socket, count) {
  while (socket.sent.length < count) await settled();
}

test("a query goes as its hash, with its variables, and what is no operation goes as it is", async () => {
  const { fetch, seen } = answering(), documents = byId({ fetch });
  const session = createSession({ url: "https://x.test", fetch: documents.fetch, restore: false });
  for (const document of [QUERY, parse(QUERY)]) await session.query(document, { a: 1 });
  assert.deepEqual(seen.map(({ body }) => body), Array(2).fill({ documentId: `sha256:${hash(QUERY)}`, variables: { a: 1 } }));
  await assert.rejects(session.signIn({ email: "query", password: "p" }), { code: "invalid_grant" });
  assert.equal(seen.at(-1).body.email, "query");
});

test("an id of the page's own is taken, and a document without one goes as its text", async () => {
  const { fetch, seen } = answering(), { fetch: send } = byId({ fetch, idOf: (text) => ({ [QUERY]: "q1" })[text] });
  const ask = (body) => send("https://x.test/graphql", { method: "POST", body: JSON.stringify(body) });
  await ask({ query: QUERY });
  await ask({ query: "{ other }" });
  await ask([{ query: QUERY }, { query: "{ other }" }, { documentId: "d" }]);
  await send("https://x.test/graphql?query={a}", {});
  assert.deepEqual(seen.map(({ body }) => body), [{ documentId: "q1" }, { query: "{ other }" }, [{ documentId: "q1" }, { query: "{ other }" }, { documentId: "d" }], undefined]);
});

test("a subscription goes as its hash, after the messages before it", async () => {
  const { fetch } = answering(), documents = byId({ fetch, webSocket: Socket });
  const session = createSession({ url: "https://x.test", fetch: documents.fetch, restore: false });
  const live = createLive(session, { webSocket: documents.webSocket });
  const stop = live.subscribe(FOLLOW, { a: 1 }, { next() {} });
  await settled();
  const socket = FakeSocket.made.at(-1);
  socket.open();
  socket.onmessage({ data: '{"type":"connection_ack"}' });
  await sent(socket, 2);
  assert.deepEqual(socket.sent.map(({ type }) => type), ["connection_init", "subscribe"]);
  const { payload } = socket.sent[1];
  assert.deepEqual(payload, { documentId: `sha256:${hash(FOLLOW)}`, variables: { a: 1 }, extensions: { position: true } });
  stop();
  await sent(socket, 3);
  assert.equal(socket.sent[2].type, "complete");
  live.close();
});

test("a socket whose document gets no id is closed, and the next one asks for the id again", async () => {
  let asked = 0;
  const idOf = async () => {
    if ((asked += 1) === 1) throw new Error("no manifest");
    return "id";
  };
  const { fetch } = answering(), documents = byId({ fetch, webSocket: Socket, idOf });
  const clock = new FakeClock(), session = createSession({ url: "https://x.test", fetch: documents.fetch, restore: false, clock });
  const live = createLive(session, { webSocket: documents.webSocket, transport: "websocket" });
  live.subscribe(FOLLOW, { a: 1 }, { next() {} });
  for (const closed of [true, false]) {
    await settled();
    const socket = FakeSocket.made.at(-1);
    socket.open();
    await settled();
    socket.say('{"type":"connection_ack"}');
    await settled();
    assert.equal(socket.readyState === 3, closed);
    if (!closed) assert.equal(socket.sent[1].payload.documentId, "id");
    socket.end(1005);
    await clock.move(30_000);
  }
  live.close();
});

test("the manifest lists each document once, by the hash that is sent", async () => {
  const made = await manifestOf([QUERY, parse(QUERY), FOLLOW, "{ a }"]);
  assert.deepEqual(made, {
    format: "apollo-persisted-query-manifest",
    version: 1,
    operations: [
      { id: hash(QUERY), name: "Q", type: "query", body: QUERY },
      { id: hash(FOLLOW), name: "S", type: "subscription", body: FOLLOW },
      { id: hash("{ a }"), name: "", type: "query", body: "{ a }" },
    ],
  });
  await assert.rejects(manifestOf(["fragment F on T { a }"]), /has no operation/);
});

test("a Relay query with neither text nor id is refused by its name", async () => {
  const { fetch, seen } = answering();
  const session = createSession({ url: "https://x.test", fetch, restore: false });
  const network = watchwordNetwork(createLive(session));
  const ask = (given) => network.execute({ operationKind: "query", name: "Page", text: null, metadata: {}, ...given }, {}, {}).toPromise();
  assert.deepEqual(await ask({ id: "r1" }), { data: { viewer: null } });
  assert.deepEqual(seen[0].body, { documentId: "r1", variables: {} });
  await assert.rejects(ask({ id: null }), /Page has neither a text nor an id/);
});
