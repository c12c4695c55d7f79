import assert from "node:assert/strict";
import { test } from "node:test";
import { json, refusal, tokens } from "./fakes.mjs";
import { LOGIN, made } from "./sessions.mjs";

test("a second factor is asked for, and a refused one is told", async () => {
  const login = ({ body }) => !body.otp ? refusal("mfa_required") : body.otp === "123456" ? tokens("s1") : refusal("invalid_grant");
  const right = made({ "/api/auth/login": login }, { onSecondFactor: async () => ({ otp: "123456" }) });
  assert.equal((await right.session.signIn(LOGIN)).sid, "s1");
  const wrong = made({ "/api/auth/login": login }, { onSecondFactor: async () => ({ otp: "0" }) });
  await assert.rejects(wrong.session.signIn(LOGIN), { code: "invalid_grant" });
  await assert.rejects(made({ "/api/auth/login": login }).session.signIn(LOGIN), { code: "mfa_required" });
});

function stepping(onStepUp, expired = 0, refused = { a: null }) {
  let recent = false, signed = "s1", refreshed = "s1";
  const done = [], login = (sid) => (signed = sid), refresh = (sid) => (refreshed = sid);
  const routes = {
    "/api/auth/login": () => tokens(signed),
    "/api/auth/refresh": () => tokens(refreshed),
    "/api/auth/step-up": () => ((recent = true), tokens("s1")),
    "/graphql": ({ body }) => expired-- > 0 ? json({ errors: [{ message: "", extensions: { code: "TOKEN_EXPIRED" } }] }, 401) : (done.push(body?.query), recent ? json({ data: { a: true } })
      : json({ data: refused, errors: [{ message: "", path: ["a"], extensions: { code: "STEP_UP_REQUIRED", maxAge: 300, acrValues: ["phr"] } }] }, 200, { "www-authenticate": 'Bearer error="insufficient_user_authentication"' })),
  };
  return { ...made(routes, { onStepUp }), done, login, refresh };
}

test("the person is asked once for several operations that need a recent sign-in", async () => {
  const asked = [], { session, said } = stepping(async (need) => (asked.push(need), { password: "secret" }));
  await session.signIn(LOGIN);
  const answers = await Promise.all([session.query("mutation { a }"), session.query("{ a }")]);
  assert.deepEqual([answers, asked], [[{ a: true }, { a: true }], [{ maxAge: 300, acrValues: ["phr"], issuer: undefined }]]);
  assert.equal(said.filter((name) => name === "mustStepUp").length, 1);
});

test("a step-up is asked after an expired token too", async () => {
  const { session } = stepping(async () => ({ password: "secret" }), 1);
  await session.signIn(LOGIN);
  assert.deepEqual(await session.query("{ a }"), { a: true });
});

test("a mutation of which a part may have been done is not sent again", async () => {
  const { session, done } = stepping(async () => ({ password: "secret" }));
  await session.signIn(LOGIN);
  await assert.rejects(session.query("mutation { a b }"), { code: "STEP_UP_REQUIRED" });
  assert.equal(done.length, 1);
});

test("an operation that is sent by an id is sent again if it is a query, or if its answer has one field", async () => {
  const { createLive } = await import(`${process.env.PACKAGE}/index.js`), { watchwordNetwork } = await import(`${process.env.PACKAGE}/relay.js`);
  const byRelay = (operationKind) => (session) =>
    watchwordNetwork(createLive(session)).execute({ operationKind, id: "r1", name: "Any", text: null, metadata: {} }, {}, {}).toPromise();
  const byHand = (init) => async (session) => (await session.fetch("/graphql", init)).json();
  // Apollo Client and urql send the hash without the text, and may send queries by GET.
  const hash = byHand({ method: "POST", body: JSON.stringify({ operationName: "A", extensions: { persistedQuery: { sha256Hash: "h" } } }) });
  const one = { a: null }, two = { a: null, b: null };
  const cases = [
    [byRelay("query"), one, 2], [byRelay("query"), two, 2], [byRelay("query"), null, 2], [byHand({ method: "GET" }), two, 2],
    [byRelay("mutation"), one, 2], [byRelay("mutation"), two, 1], [byRelay("mutation"), null, 1], [hash, one, 2], [hash, two, 1],
  ];
  for (const [ask, refused, sent] of cases) {
    const { session, done } = stepping(async () => ({ password: "secret" }), 0, refused);
    await session.signIn(LOGIN);
    const answer = await ask(session);
    assert.deepEqual([done.length, answer.data], [sent, sent === 2 ? { a: true } : refused]);
  }
});

test("a request is not sent again as another person", async () => {
  const stepped = stepping(async (need, session) => (stepped.login("s2"), await session.signIn(LOGIN), true));
  await stepped.session.signIn(LOGIN);
  await assert.rejects(stepped.session.query("mutation { a }"), { code: "STEP_UP_REQUIRED" });
  assert.deepEqual([stepped.session.claims.sid, stepped.done.length], ["s2", 1]);
  const expired = stepping(undefined, 1);
  await expired.session.signIn(LOGIN);
  expired.refresh("s2");
  await assert.rejects(expired.session.query("mutation { a }"), { code: "TOKEN_EXPIRED" });
  assert.deepEqual([expired.session.claims.sid, expired.done.length], ["s2", 0]);
});

test("without a step-up the answer is the error", async () => {
  for (const declined of [undefined, async () => null, async () => false]) {
    const { session } = stepping(declined);
    await session.signIn(LOGIN);
    await assert.rejects(session.query("{ a }"), { code: "STEP_UP_REQUIRED" });
  }
});
