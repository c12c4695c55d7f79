// What each adapter does when events are missing (CURSOR_EXPIRED): it asks again for what the page shows, or says so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { FakeClock, FakeSocket, json, server, settled } from "./fakes.mjs";

const at = (name) => import(`${process.env.PACKAGE}/${name}.js`);
// The library that the package uses itself: it is not the one beside the tests.
const library = (name) => import(import.meta.resolve(name, pathToFileURL(`${process.env.PACKAGE}/index.js`)));
const { createLive, createSession, memoryStore } = await at("index");
const QUERY = "query Q { a }", SUBSCRIPTION = "subscription S { b }";

/** Let an adapter show a query and follow a subscription, then lose events; return how often the query was asked before and after. */
async function losing(start) {
  let asked = 0;
  const clock = new FakeClock(), { fetch } = server({ "/graphql": ({ body }) => (body.query.includes("a") && (asked += 1), json({ data: { a: asked } })) });
  const session = createSession({ url: "https://api.example.com", fetch, clock, store: memoryStore() });
  await session.ready;
  const live = createLive(session, { webSocket: FakeSocket, transport: "websocket" });
  const showing = await start(live);
  const until = async (holds) => {
    for (let turn = 0; turn < 100 && !holds(); turn += 1) await settled();
  };
  await until(() => asked > 0 && FakeSocket.last);
  const socket = FakeSocket.last;
  socket.open();
  socket.say({ type: "connection_ack" });
  const id = () => socket.sent.findLast(({ type }) => type === "subscribe").id;
  socket.say({ type: "next", id: id(), payload: { data: { b: 1 }, extensions: { cursor: "c1" } } });
  await settled();
  const before = asked;
  socket.say({ type: "error", id: id(), payload: [{ message: "gone", extensions: { code: "CURSOR_EXPIRED" } }] });
  socket.say({ type: "pong", payload: { id: id(), cursor: "c9" } });
  await until(() => asked > before);
  socket.say({ type: "next", id: id(), payload: { data: { b: 2 }, extensions: { cursor: "c10" } } });
  await settled();
  return { before, after: asked, showing, sent: socket.sent.map(({ type }) => type) };
}

test("Apollo Client asks its active queries again, and the subscription goes on", async () => {
  const { ApolloClient, InMemoryCache, gql } = await library("@apollo/client"), { watchwordLink } = await at("apollo");
  const { before, after, showing } = await losing((live) => {
    const client = new ApolloClient({ link: watchwordLink(live), cache: new InMemoryCache() }), shown = [], heard = [];
    client.watchQuery({ query: gql(QUERY) }).subscribe(({ data, loading }) => !loading && shown.push(data.a));
    client.subscribe({ query: gql(SUBSCRIPTION) }).subscribe({ next: ({ data }) => heard.push(data.b) });
    return { shown, heard };
  });
  assert.deepEqual([before, after, showing], [1, 2, { shown: [1, 2], heard: [1, 2] }]);
});

test("urql asks again for what is shown and not for what was, and the subscription goes on", async () => {
  const { cacheExchange } = await library("@urql/core"), { urqlClients } = await at("urql");
  const { before, after, showing } = await losing((live) => {
    const { current: client } = urqlClients(live, [cacheExchange]), shown = [], heard = [];
    client.query("query Left { a }", {}).subscribe(() => {}).unsubscribe();
    client.query(QUERY, {}).subscribe(({ data }) => shown.push(data.a));
    client.subscription(SUBSCRIPTION, {}).subscribe(({ data }) => heard.push(data.b));
    return { shown, heard };
  });
  assert.deepEqual([after - before, showing.shown.at(-1), showing.heard], [1, after, [1, 2]]);
});

test("a Relay store is invalidated, which whoever shows its data is told, and the subscription goes on", async () => {
  const { relayEnvironments } = await at("relay"), operation = (operationKind, text) => ({ operationKind, text, name: "Any", id: null, metadata: {} });
  const { showing } = await losing((live) => {
    const { current } = relayEnvironments(live), store = current.getStore(), network = current.getNetwork(), told = [], heard = [];
    network.execute(operation("query", QUERY), {}, {}).subscribe({});
    store.subscribeToInvalidationState(store.lookupInvalidationState(["client:root"]), () => told.push("invalid"));
    network.execute(operation("subscription", SUBSCRIPTION), {}, {}).subscribe({ next: ({ data }) => heard.push(data.b) });
    return { told, heard };
  });
  assert.deepEqual(showing, { told: ["invalid"], heard: [1, 2] });
});

test("TanStack Query asks again for what is shown, and the subscription goes on", async () => {
  const { QueryClient, QueryObserver } = await library("@tanstack/query-core"), { createQueries } = await at("tanstack-query");
  const { before, after, showing } = await losing((live) => {
    const client = new QueryClient(), queries = createQueries(live, client), shown = [], heard = [];
    client.mount();
    new QueryObserver(client, queries.query(QUERY)).subscribe(({ data, isFetching }) => data && !isFetching && shown.push(data.a));
    queries.follow(SUBSCRIPTION, {}, { next: ({ data }) => heard.push(data.b) });
    return { shown, heard };
  });
  assert.deepEqual([before, after, showing], [1, 2, { shown: [1, 2], heard: [1, 2] }]);
});

test("urql shows each event with its own data and errors, and by what errors the subscription has ended", async () => {
  const { urqlClients } = await at("urql"), session = createSession({ url: "https://api.example.com", fetch: server({}).fetch, clock: new FakeClock(), store: memoryStore() });
  const { current: client } = urqlClients(createLive(session, { webSocket: FakeSocket, transport: "websocket" }), []), heard = [];
  client.subscription(SUBSCRIPTION, {}).subscribe(({ data, error }) => heard.push([data, error?.graphQLErrors.map(({ message }) => message), error?.networkError]));
  await settled();
  const socket = FakeSocket.last, errors = [{ message: "one row" }], refusal = [{ message: "no more", extensions: { code: "FORBIDDEN" } }];
  socket.open();
  socket.say({ type: "connection_ack" });
  const { id } = socket.sent.at(-1);
  for (const payload of [{ data: { b: 0 } }, { data: { b: 1 }, errors }, { data: { b: 2 } }, { data: null, errors }, { data: { b: 3 } }]) socket.say({ type: "next", id, payload });
  socket.say({ type: "error", id, payload: refusal });
  await settled();
  const none = undefined;
  assert.deepEqual(heard, [[{ b: 0 }, none, none], [{ b: 1 }, ["one row"], none], [{ b: 2 }, none, none], [null, ["one row"], none], [{ b: 3 }, none, none], [none, ["no more"], none]]);
});
