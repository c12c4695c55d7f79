import assert from "node:assert/strict";
import { test } from "node:test";
import { json, refusal, settled, tokens } from "./fakes.mjs";
import { LOGIN, made, URL_ } from "./sessions.mjs";

test("another tab's messages are believed only as far as the server agrees", async () => {
  const routes = { "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => tokens("s1"), "/api/auth/logout": () => json(null, 204) };
  const { session, said } = made(routes, { store: "cookie", restore: false });
  await session.signIn(LOGIN);
  const other = new BroadcastChannel(`watchword ${URL_}`);
  const tell = async (message) => {
    other.postMessage(message);
    await new Promise((done) => setTimeout(done, 50));
  };
  for (const message of [null, 1, "signedOut", { type: "signedOut" }, { type: "signedOut", sid: "another" }, { type: "signedIn", sid: "forged" }]) await tell(message);
  assert.deepEqual([session.state, session.claims.sid, said], ["signedIn", "s1", ["signedIn", "changed"]]);
  routes["/api/auth/refresh"] = () => tokens("s2");
  await tell({ type: "signedIn", sid: "s2" });
  assert.deepEqual([session.claims.sid, said.slice(2)], ["s2", ["signedIn", "changed"]]);
  await tell({ type: "signedOut", sid: "s2" });
  assert.deepEqual([session.state, said.slice(4)], ["anonymous", ["signedOut", "changed"]]);
  other.close();
  session.close();
});

test("a page that restores nobody stays anonymous while somebody signs in in another tab", async () => {
  const { session, asked, said } = made({ "/api/auth/refresh": () => tokens("s1") }, { store: "cookie", restore: false });
  const other = new BroadcastChannel(`watchword ${URL_}`), same = new BroadcastChannel(`watchword ${URL_}`);
  const told = new Promise((done) => (same.onmessage = done));
  other.postMessage({ type: "signedIn", sid: "s1" });
  await told;
  await settled();
  assert.deepEqual([session.state, asked.seen, said], ["anonymous", [], []]);
  for (const each of [other, same, session]) each.close();
});

test("the other tabs do not wait while a person looks for a second factor", async () => {
  let give;
  const login = ({ body }) => (body.otp ? tokens("s1") : refusal("mfa_required"));
  const { session } = made({ "/api/auth/login": login }, { store: "cookie", restore: false, onSecondFactor: () => new Promise((done) => (give = done)) });
  const signing = session.signIn(LOGIN);
  while (!give) await settled();
  await navigator.locks.request(`watchword ${URL_}`, { ifAvailable: true }, (lock) => assert.ok(lock));
  give({ otp: "123456" });
  assert.equal((await signing).sid, "s1");
  session.close();
});

test("where there are no locks and no channel, a page is alone and works", async () => {
  const { locks } = navigator, { BroadcastChannel } = globalThis;
  Object.defineProperty(navigator, "locks", { value: undefined, configurable: true });
  delete globalThis.BroadcastChannel;
  try {
    const { session } = made({ "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": () => tokens("s1") }, { store: "cookie" });
    await session.signIn(LOGIN);
    assert.ok(await session.refresh());
  } finally {
    Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
    globalThis.BroadcastChannel = BroadcastChannel;
  }
});

test("a tab that holds the lock for ever does not keep the others from refreshing", async () => {
  let release;
  const held = new Promise((done) => navigator.locks.request(`watchword ${URL_}`, () => (done(), new Promise((free) => (release = free)))));
  await held;
  const { session, clock } = made({ "/api/auth/refresh": () => tokens("s1") }, { store: "cookie" });
  await clock.move(30_000);
  assert.equal(await session.ready, "signedIn");
  release();
  session.close();
});

test("tabs without locks that refresh at the same time both keep the session", async () => {
  const { locks } = navigator;
  Object.defineProperty(navigator, "locks", { value: undefined, configurable: true });
  try {
    // The browser's cookie: it is sent as it is when a request starts, and each refresh token is good once.
    let cookie = 1;
    const waiting = [];
    const refresh = async () => {
      const sent = cookie;
      await new Promise((done) => waiting.push(done));
      return sent === cookie ? ((cookie += 1), tokens("s1")) : refusal("invalid_grant");
    };
    const routes = { "/api/auth/login": () => tokens("s1"), "/api/auth/refresh": refresh };
    const tabs = [made(routes, { store: "cookie", restore: false }), made(routes, { store: "cookie", restore: false })];
    for (const { session } of tabs) await session.signIn(LOGIN);
    let isOver = false;
    const refreshing = Promise.all(tabs.map(({ session }) => session.refresh())).finally(() => (isOver = true));
    for (const count of [2, 1]) {
      while (waiting.length < count && !isOver) await settled();
      for (const go of waiting.splice(0)) go();
    }
    assert.ok((await refreshing).every(Boolean));
    assert.deepEqual(tabs.map(({ session, said }) => [session.state, said.includes("expired")]), [["signedIn", false], ["signedIn", false]]);
    for (const { session } of tabs) session.close();
  } finally {
    Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
  }
});
