import assert from "node:assert/strict";
import { test } from "node:test";
import { json, settled, stream } from "./fakes.mjs";
import { QUERY, made } from "./lives.mjs";

const fault = (code) => json({ errors: [{ message: "", extensions: { code } }] }, 401);

test("over server-sent events one subscription of an anonymous page needs somebody, and the others go on", async () => {
  const open = stream(), routes = { "/graphql": ({ body }) => (body.query === QUERY ? open.response() : fault("UNAUTHENTICATED")) };
  const { live, heard, follow } = await made({ transport: "sse", routes });
  follow();
  live.subscribe("subscription { own }", {}, { next() {}, error: ({ code }) => heard.push(code) });
  while (heard.length < 1) await settled();
  open.say({ data: { made: 1 } });
  while (heard.length < 2) await settled();
  assert.deepEqual(heard, ["UNAUTHENTICATED", 1]);
});

test("a stream that ends with its token does not make the session give up the new one", async () => {
  const open = stream(), { session, asked, clock, follow } = await made({ signedIn: true, transport: "sse", routes: { "/graphql": () => open.response() } });
  follow();
  await settled();
  const renewed = await session.refresh(), refreshes = () => asked.paths().filter((path) => path.endsWith("refresh")).length, before = refreshes();
  open.say({ errors: [{ message: "", extensions: { code: "TOKEN_EXPIRED" } }] });
  while (asked.paths().filter((path) => path === "/graphql").length < 2) await clock.move(1_000);
  assert.equal(asked.seen.at(-1).headers.get("authorization"), `Bearer ${renewed}`);
  assert.equal(refreshes(), before);
});

test("a refusal of a connection that was left says nothing of the one that came after it", async () => {
  const answers = [], { live, clock, said, heard, follow } = await made({ transport: "sse", routes: { "/graphql": () => new Promise((done) => answers.push(done)) } });
  follow();
  while (answers.length < 1) await settled();
  live.reconnect();
  while (answers.length < 2) await settled();
  const open = stream(), [left, present] = answers;
  present(open.response());
  left(fault("DRAINING"));
  await clock.move(5_000);
  open.say({ data: { made: 1 } });
  while (!heard.includes(1)) await settled();
  assert.deepEqual([answers.length, said.some(([name]) => name === "closed")], [2, false]);
});

const away = (status, body, headers) => () => new Response(body, { status, headers: { "content-type": "application/json", ...headers } });
const refusing = (code) => JSON.stringify({ errors: [{ message: "", extensions: { code } }] });
const HTML = { "content-type": "text/html" };

for (const [name, refused] of Object.entries({
  "a proxy's page": away(503, "<h1>503</h1>", { "retry-after": "90", ...HTML }),
  "a proxy's page with a time": away(429, "<h1>429</h1>", { "retry-after": "Mon, 30 Nov 2026 12:01:30 GMT", date: "Mon, 30 Nov 2026 12:00:00 GMT", ...HTML }),
  "a server that starts": away(503, refusing("UNAVAILABLE"), { "retry-after": "90" }),
  "a server that ends": away(503, refusing("DRAINING"), { "retry-after": "90" }),
})) {
  test(`a stream that is refused is asked for again when Retry-After says: ${name}`, async () => {
    const open = stream();
    let answer = refused;
    const { asked, clock, heard, follow } = await made({ transport: "sse", routes: { "/graphql": () => answer() } });
    follow();
    await settled();
    answer = open.response;
    await clock.move(89_000);
    assert.equal(asked.seen.length, 1);
    for (let turn = 0; asked.seen.length < 2 && turn < 95; turn += 1) await clock.move(1_000);
    open.say({ data: { made: 1 } });
    for (let turn = 0; !heard.includes(1) && turn < 100; turn += 1) await settled();
    assert.ok(heard.includes(1), `${heard}`);
  });
}
