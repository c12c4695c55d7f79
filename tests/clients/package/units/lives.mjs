import { FakeClock, FakeSocket, json, server, settled, tokens } from "./fakes.mjs";

export const { createLive, createSession, memoryStore } = await import(`${process.env.PACKAGE}/index.js`);
const LOGIN = { email: "ann@example.com", password: "secret" };
export const QUERY = "subscription { made }";

/** Make a page that follows on sockets of the test, with what it hears and what its connection says. */
export async function made({ signedIn = false, routes = {}, dpop, ...options } = {}) {
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
export async function accepted() {
  await settled();
  const socket = FakeSocket.last;
  socket.open();
  socket.say({ type: "connection_ack" });
  await settled();
  return socket.sent.filter(({ type }) => type === "subscribe").map(({ id }) => id);
}

export const next = (id, value, cursor) => FakeSocket.last.say({ type: "next", id, payload: { data: { made: value }, extensions: { cursor } } });
