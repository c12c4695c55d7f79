import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, json, refusal, server, settled, token, tokens } from "./fakes.mjs";
import { createSession, LOGIN, made, memoryStore, URL_ } from "./sessions.mjs";

test("without a refresh token nobody is signed in, and no request is made", async () => {
  const { session, asked, said } = made({});
  assert.equal(await session.ready, "anonymous");
  assert.deepEqual([await session.token(), asked.seen, said], [null, [], []]);
});

test("a page without a cookie is anonymous after one request, which asks for no error", async () => {
  const { session, asked } = made({ "/api/auth/refresh": ({ body }) => (body.optional ? json(null, 204) : refusal("invalid_grant")) }, { store: "cookie" });
  assert.equal(await session.ready, "anonymous");
  assert.deepEqual(asked.paths(), ["/api/auth/refresh"]);
  session.close();
});

test("a session whose cookie is gone has ended", async () => {
  const { session, said } = made({ "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => json(null, 204) }, { store: "cookie", restore: false });
  await session.signIn(LOGIN);
  assert.deepEqual([await session.refresh(), session.state, said.slice(2)], [null, "anonymous", ["expired", "changed"]]);
  session.close();
});

test("a session is restored without being said to have changed", async () => {
  const { session, said } = made({ "/api/auth/refresh": () => tokens("s1") }, { store: memoryStore({ refreshToken: "r" }) });
  assert.equal(await session.ready, "signedIn");
  assert.deepEqual(said, ["signedIn"]);
});

test("while the server is away a session is neither restored nor given up", async () => {
  const routes = {}, { session, clock } = made(routes, { store: memoryStore({ refreshToken: "r" }) });
  await assert.rejects(session.token(), { code: "UNREACHABLE" });
  await clock.move(60_000);
  assert.equal(session.state, "restoring");
  routes["/api/auth/refresh"] = () => tokens("s1");
  await clock.move(30_000);
  assert.equal(await session.ready, "signedIn");
});

test("callers share one refresh, and the new refresh token is kept before its access token is used", async () => {
  const kept = [], { session, asked, clock } = made(
    { "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => tokens("s1") },
    { store: { load: () => kept.at(-1) ?? null, save: (each) => void kept.push(each) } },
  );
  await session.signIn(LOGIN);
  await clock.move(301_000);
  const got = await Promise.all([session.token(), session.token(), session.refresh()]);
  assert.equal(new Set(got).size, 1);
  assert.equal(asked.paths().filter((path) => path.endsWith("refresh")).length, 1);
  assert.equal(asked.seen.at(-1).body.refresh_token, kept[0].refreshToken);
  assert.notEqual(kept.at(-1).refreshToken, kept[0].refreshToken);
});

test("a clock that is an hour wrong, and one that jumps, do no harm", async () => {
  let valid;
  const { session, clock } = made({
    "/api/auth/login": () => tokens("s1"),
    "/api/auth/refresh": () => tokens("s1"),
    "/graphql": ({ headers }) => headers.get("authorization") === valid ? json({ data: { a: 1 } })
      : json({ errors: [{ message: "", extensions: { code: "TOKEN_EXPIRED" } }] }, 401),
  });
  await session.signIn(LOGIN);
  clock.time -= 3_600_000;
  const old = await session.token();
  const refresh = session.refresh.bind(session);
  session.refresh = async () => { const made = await refresh(); valid = `Bearer ${made}`; return made; };
  assert.deepEqual(await session.query("{ a }"), { a: 1 });
  assert.notEqual(await session.token(), old);
});

test("when to renew is counted from the answer, whatever hour this machine's clock and the token say", async () => {
  for (const error of [-3_600_000, 3_600_000]) {
    // The token's own `exp` is another time altogether.
    const { session, asked, clock } = made({ "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => tokens("s1") });
    clock.time += error;
    await session.signIn(LOGIN);
    const first = await session.token();
    await clock.move(299_000);
    assert.deepEqual([await session.token(), asked.seen.length], [first, 1]);
    await clock.move(2_000);
    assert.notEqual(await session.token(), first);
    assert.deepEqual(asked.paths(), ["/api/auth/login", "/api/auth/refresh"]);
  }
});

test("a renewal that is refused for now ends no session, and is tried again while the token is good and after", async () => {
  for (const [error, status] of [["too_many_requests", 429], ["temporarily_unavailable", 503]]) {
    const routes = { "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => refusal(error, status, { "retry-after": "30" }) };
    const { session, clock, said } = made(routes);
    await session.signIn(LOGIN);
    const first = await session.token();
    await assert.rejects(session.refresh(), { code: error, status, retryAfter: 30 });
    await clock.move(301_000);
    assert.equal(await session.token(), first);
    await clock.move(300_000);
    await assert.rejects(session.token(), { code: error });
    assert.deepEqual([session.state, said], ["signedIn", ["signedIn", "changed"]]);
    routes["/api/auth/refresh"] = () => tokens("s1");
    // The server asked for patience, and is not asked before.
    await clock.move(29_000);
    await assert.rejects(session.token(), { code: error, retryAfter: 30 });
    await clock.move(1_000);
    assert.notEqual(await session.token(), first);
    assert.deepEqual([session.state, said], ["signedIn", ["signedIn", "changed"]]);
  }
});

test("while the server asks for patience no request is made, neither for a page that is restored nor for one that goes on", async () => {
  // A proxy says so in a page of its own.
  const busy = [() => refusal("too_many_requests", 429, { "retry-after": "600" }), () => new Response("<html>", { status: 503, headers: { "retry-after": "600" } })];
  for (const refuse of busy) {
    const routes = { "/api/auth/refresh": refuse }, restored = made(routes, { store: memoryStore({ refreshToken: "r" }) });
    await restored.clock.move(599_000);
    assert.deepEqual([restored.session.state, restored.asked.seen.length], ["restoring", 1]);
    routes["/api/auth/refresh"] = () => tokens("s1");
    await restored.clock.move(31_000);
    assert.equal(await restored.session.ready, "signedIn");
    const { session, asked, clock } = made({ "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": refuse });
    await session.signIn(LOGIN);
    for (let turn = 0; turn < 59; turn += 1) {
      await clock.move(turn ? 10_000 : 301_000);
      await session.token().catch(() => {});
    }
    assert.deepEqual(asked.paths(), ["/api/auth/login", "/api/auth/refresh"]);
    // Another sign-in is another session, and nothing was asked for it.
    await session.signIn(LOGIN);
    await clock.move(301_000);
    await session.token();
    assert.equal(asked.paths().at(-1), "/api/auth/refresh");
  }
});

test("a time until which the server asks for patience is read by the server's clock, or else by this machine's", async () => {
  const at = (seconds) => new Date(seconds * 1_000).toUTCString();
  // The fake clock stands at 1,000 seconds; a server whose clock is another says so by its date.
  const cases = [[at(1_040), undefined, 40], [at(90_040), at(90_000), 40], [at(1_040), at(1_041), undefined], ["7", at(1), 7],
    ...["soon", "0", "-3"].map((wait) => [wait, at(1_700_000_000), undefined])];
  for (const [wait, date, retryAfter] of cases) {
    const { session } = made({ "/api/auth/login": () => refusal("too_many_requests", 429, { "retry-after": wait, ...(date && { date }) }) });
    await assert.rejects(session.signIn(LOGIN), { code: "too_many_requests", retryAfter });
  }
  const routes = { "/api/auth/refresh": () => refusal("too_many_requests", 429, { "retry-after": at(1_600) }) };
  const { session, asked, clock } = made(routes, { store: memoryStore({ refreshToken: "r" }) });
  await clock.move(599_000);
  assert.deepEqual([session.state, asked.seen.length], ["restoring", 1]);
});

test("a wait that is longer than a timer can be is not over at once", async () => {
  const { systemClock } = await import(`${process.env.PACKAGE}/clock.js`), { setTimeout } = globalThis, given = [];
  globalThis.setTimeout = (callback, milliseconds) => given.push(milliseconds);
  try {
    for (const milliseconds of [5, 1e15, Infinity]) systemClock.after(milliseconds, () => {});
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assert.deepEqual(given, [5, 1e9, 1e9]);
});

test("a server that asks for a year of patience is asked again after an hour, and a clock that is put back ends the wait", async () => {
  const routes = { "/api/auth/refresh": () => refusal("too_many_requests", 429, { "retry-after": "31536000" }) };
  const { session, asked, clock } = made(routes, { store: memoryStore({ refreshToken: "r" }) });
  await clock.move(3_590_000);
  assert.equal(asked.seen.length, 1);
  await clock.move(60_000);
  assert.equal(asked.seen.length, 2);
  clock.time -= 86_400_000;
  await assert.rejects(session.token(), { code: "too_many_requests" });
  assert.equal(asked.seen.length, 3);
});

test("nothing keeps a process running after a refusal for now, or after close", async () => {
  const refused = made({ "/api/auth/refresh": () => refusal("too_many_requests", 429, { "retry-after": "600" }) }, { restore: false, store: memoryStore({ refreshToken: "r" }) });
  await assert.rejects(refused.session.refresh(), { code: "too_many_requests" });
  assert.equal(refused.clock.timers, 0);
  const waiting = made({}, { store: memoryStore({ refreshToken: "r" }) });
  await settled();
  assert.equal(waiting.clock.timers, 1);
  waiting.session.close();
  const asking = made({}, { store: memoryStore({ refreshToken: "r" }) });
  asking.session.close();
  await settled();
  assert.deepEqual([waiting.clock.timers, asking.clock.timers], [0, 0]);
});

test("a refused token ends the session if the refresh is refused too, and not if it succeeds", async () => {
  const revoked = (token) => ({ headers }) => headers.get("authorization") === `Bearer ${token()}`
    ? json({ errors: [{ message: "", extensions: { code: "TOKEN_REVOKED" } }] }, 401) : json({ data: { a: 1 } });
  for (const [refresh, state, said] of [[() => tokens("s1"), "signedIn", ["signedIn", "changed"]], [() => refusal("invalid_grant"), "anonymous", ["signedIn", "changed", "expired", "changed"]]]) {
    let first;
    const { session, said: heard } = made({ "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": refresh, "/graphql": revoked(() => first) });
    await session.signIn(LOGIN);
    first = await session.token();
    if (state === "signedIn") assert.deepEqual(await session.query("{ a }"), { a: 1 });
    else await assert.rejects(session.query("{ a }"), { code: "TOKEN_REVOKED" });
    assert.deepEqual([session.state, heard], [state, said]);
  }
});

test("a library that gives a refused token again has none other, and nobody is signed in", async () => {
  const same = token("x"), { session } = made({}, { getToken: async () => same });
  await session.ready;
  await session.reject(same);
  assert.equal(session.state, "anonymous");
});

// A prover that shows in its proofs what they are made of, and a server that wants the time and its nonce in them.
const HOUR = 3_600_000;
const proving = () => {
  let ahead = 0;
  return {
    proof: async (method, url, nonce) => `${ahead} ${nonce}`,
    learn: async ({ headers }) => ahead !== (ahead = Number(headers.get("date"))),
  };
};
const demanding = (answer) => ({ headers }) => {
  const [ahead, nonce] = headers.get("dpop").split(" ");
  if (ahead !== String(HOUR)) return refusal("invalid_dpop_proof", 400, { date: HOUR });
  return nonce === "n1" ? answer() : refusal("use_dpop_nonce", 400, { "dpop-nonce": "n1", date: HOUR });
};

test("a proof is made again with the server's time and its nonce, which a server may say one after the other", async () => {
  const { session, asked } = made({ "/api/auth/login": demanding(() => tokens("s1")) }, { dpop: proving() });
  await session.signIn(LOGIN);
  assert.deepEqual(asked.seen.map(({ headers }) => headers.get("dpop")), ["0 undefined", `${HOUR} undefined`, `${HOUR} n1`]);
});

test("a refusal that a better proof does not mend is not asked for again", async () => {
  const { session, asked } = made({ "/api/auth/login": demanding(() => refusal("invalid_grant", 400, { date: HOUR })) }, { dpop: proving() });
  await assert.rejects(session.signIn(LOGIN), { code: "invalid_grant" });
  assert.equal(asked.seen.length, 3);
  await assert.rejects(session.signIn(LOGIN), { code: "invalid_grant" });
  assert.equal(asked.seen.length, 4);
  // A server that always says another time is asked three times.
  let now = 0;
  const odd = made({ "/api/auth/login": () => refusal("invalid_dpop_proof", 400, { date: (now += 1) }) }, { dpop: proving() });
  await assert.rejects(odd.session.signIn(LOGIN), { code: "invalid_dpop_proof" });
  assert.equal(odd.asked.seen.length, 3);
});

test("an answer that makes no sense ends no session", async () => {
  for (const nonsense of ["<html>", "null", "[]", "{}", '{"access_token": 1}', '{"access_token": "a.b.c", "expires_in": 600}']) {
    for (const status of [200, 401, 500]) {
      const routes = { "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => new Response(nonsense, { status }), "/graphql": () => new Response(nonsense, { status }) };
      const { session, clock, said } = made(routes);
      await session.signIn(LOGIN);
      const before = await session.token();
      await assert.rejects(session.refresh(), { code: "NONSENSE" });
      await clock.move(301_000);
      assert.equal(await session.token(), before);
      await assert.rejects(session.query("{ a }"), (error) => ["NONSENSE", "UNREACHABLE"].includes(error.code) || nonsense === "{}");
      await clock.move(301_000);
      await assert.rejects(session.token());
      assert.deepEqual([session.state, said.includes("expired")], ["signedIn", false]);
    }
  }
});

test("a server that never answers is given up after the timeout", async () => {
  const { session, clock } = made({ "/api/auth/login": () => new Promise(() => {}) });
  const signing = assert.rejects(session.signIn(LOGIN), { code: "UNREACHABLE" });
  await clock.move(15_000);
  await signing;
});

test("a refused refresh ends the session, and the store forgets it but not the device", async () => {
  const { session, said, store } = made({ "/api/auth/login": () => tokens("s1", { device_token: "d" }), "/api/auth/refresh": () => refusal("invalid_grant") });
  await session.signIn(LOGIN);
  assert.equal(await session.refresh(), null);
  assert.deepEqual(said.slice(2), ["expired", "changed"]);
  assert.deepEqual(await store.load(), { deviceToken: "d" });
});

test("a refresh that will always be refused means that nobody is signed in", async () => {
  for (const [error, status] of [["invalid_dpop_proof", 400], ["invalid_client", 401], ["access_denied", 403]]) {
    const { session, asked } = made({ "/api/auth/refresh": () => refusal(error, status) }, { store: memoryStore({ refreshToken: "r" }) });
    assert.equal(await session.ready, "anonymous");
    assert.equal(asked.seen.length, 1);
  }
});

test("a refresh that is refused for now is asked for again", async () => {
  for (const [error, status] of [["too_many_requests", 429], ["temporarily_unavailable", 503], ["use_dpop_nonce", 400]]) {
    const routes = { "/api/auth/refresh": () => refusal(error, status) }, { session, clock } = made(routes, { store: memoryStore({ refreshToken: "r" }) });
    await settled();
    assert.equal(session.state, "restoring");
    routes["/api/auth/refresh"] = () => tokens("s1");
    await clock.move(30_000);
    assert.equal(await session.ready, "signedIn");
  }
});

test("a refresh that is answered after a sign-out signs nobody in", async () => {
  let answer;
  const { session } = made({ "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => new Promise((done) => (answer = done)), "/api/auth/logout": () => json(null, 204) });
  await session.signIn(LOGIN);
  const refreshing = session.refresh();
  await settled();
  const leaving = session.signOut();
  answer(tokens("s1"));
  assert.deepEqual([await refreshing, await leaving, session.state, await session.token()], [null, undefined, "anonymous", null]);
});

test("a sign-out during a refresh ends the session that the refresh has renewed, and keeps no token of it", async () => {
  let answer;
  const routes = { "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => new Promise((done) => (answer = done)), "/api/auth/logout": () => json(null, 204) };
  const { session, asked, store } = made(routes);
  await session.signIn(LOGIN);
  const refreshing = session.refresh();
  await settled();
  const leaving = session.signOut();
  answer(tokens("s1", { refresh_token: "newest" }));
  await Promise.all([refreshing, leaving]);
  assert.deepEqual([asked.paths().at(-1), asked.seen.at(-1).body], ["/api/auth/logout", { refresh_token: "newest" }]);
  assert.equal((await store.load()).refreshToken, undefined);
});

test("a sign-out that the server did not hear of says so, and can be done again", async () => {
  const routes = { "/api/auth/login": () => tokens("s1") }, { session, asked } = made(routes, { store: "cookie" });
  await session.signIn(LOGIN);
  await assert.rejects(session.signOut(), { code: "UNREACHABLE" });
  assert.equal(session.state, "anonymous");
  routes["/api/auth/logout"] = () => json(null, 204);
  await session.signOut();
  assert.equal(asked.paths().at(-1), "/api/auth/logout");
  session.close();
});

test("a store keeps the refresh token until the server has ended its session", async () => {
  const routes = { "/api/auth/login": () => tokens("s1", { device_token: "d" }) }, { session, asked, store } = made(routes);
  await session.signIn(LOGIN);
  const { refreshToken } = await store.load();
  await assert.rejects(session.signOut(), { code: "UNREACHABLE" });
  routes["/api/auth/logout"] = () => json(null, 204);
  await session.signOut();
  assert.deepEqual(asked.seen.slice(1).map(({ body }) => body.refresh_token), [refreshToken, refreshToken]);
  assert.deepEqual(await store.load(), { deviceToken: "d" });
});

test("the token goes to the session's server and to no other", async () => {
  const { session, asked } = made({ "/api/auth/login": () => tokens("s1"), "/x": () => json({}) });
  await session.signIn(LOGIN);
  await assert.rejects(session.fetch("https://evil.example/x"), TypeError);
  await assert.rejects(session.fetch("//evil.example/x"), TypeError);
  await assert.rejects(session.fetch("http://api.example.com/x"), TypeError);
  await session.fetch("/x");
  assert.equal(asked.seen.at(-1).headers.get("authorization"), `Bearer ${await session.token()}`);
});

test("a Request is sent with the token, and again with its body when the token has expired", async () => {
  const seen = [], login = server({ "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => tokens("s1") });
  const fetch = async (url, init) => {
    if (!url.endsWith("/upload")) return login.fetch(url, init);
    seen.push([init.method, init.headers.get("x-kind"), await new Response(init.body).text(), init.headers.get("authorization")]);
    return seen.length > 1 ? json({}) : json({ errors: [{ message: "", extensions: { code: "TOKEN_EXPIRED" } }] }, 401);
  };
  const session = createSession({ url: URL_, fetch, clock: new FakeClock(), store: memoryStore() });
  await session.signIn(LOGIN);
  const first = await session.token();
  await session.fetch(new Request(`${URL_}/upload`, { method: "PUT", body: "a file", headers: { "x-kind": "text" } }));
  const bearers = [first, await session.token()].map((each) => `Bearer ${each}`);
  assert.deepEqual(seen, bearers.map((bearer) => ["PUT", "text", "a file", bearer]));
  assert.notEqual(...bearers);
});

test("tokens of an identity provider are taken from its library", async () => {
  const given = [token("x"), token("x")], { session } = made({}, { getToken: async () => given.shift() ?? null });
  assert.equal(await session.ready, "signedIn");
  await assert.rejects(session.signIn(LOGIN), { code: "ELSEWHERE" });
  await session.refresh();
  assert.equal(await session.refresh(), null);
});
