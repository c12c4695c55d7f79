import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSocket } from "./fakes.mjs";
import { QUERY, accepted, made, next } from "./lives.mjs";

test("a loop that asks for several answers at once gets them all, and its end", async () => {
  const { live } = await made(), loop = live.subscribe(QUERY);
  const asked = [loop.next(), loop.next(), loop.next()];
  const [id] = await accepted();
  next(id, 1, "c1");
  next(id, 2, "c2");
  FakeSocket.last.say({ type: "complete", id });
  const got = await Promise.all(asked);
  assert.deepEqual(got.map(({ done, value }) => (done ? "end" : value.data.made)), [1, 2, "end"]);
});

test("a loop gets each event, and leaving it stops the subscription", async () => {
  const { live } = await made();
  const got = [];
  const looping = (async () => {
    for await (const { data } of live.subscribe(QUERY)) if (got.push(data.made) === 2) break;
  })();
  const [id] = await accepted();
  for (const each of [1, 2, 3]) next(id, each, `c${each}`);
  await looping;
  assert.deepEqual([got, FakeSocket.last.sent.at(-1)], [[1, 2], { type: "complete", id }]);
});

test("a loop whose subscription is refused throws the reason", async () => {
  const { live } = await made();
  const looping = assert.rejects(live.subscribe(QUERY).next(), { code: "FORBIDDEN" });
  const [id] = await accepted();
  FakeSocket.last.say({ type: "error", id, payload: [{ message: "no", extensions: { code: "FORBIDDEN" } }] });
  await looping;
});

test("a loop that is too slow is stopped, gets what waits and then the error", async () => {
  const { live } = await made(), loop = live.subscribe(QUERY);
  const [id] = await accepted();
  for (let value = 1; value <= 1_500; value += 1) next(id, value, `c${value}`);
  assert.deepEqual(FakeSocket.last.sent.at(-1), { type: "complete", id });
  for (let value = 1; value <= 1_000; value += 1) assert.equal((await loop.next()).value.data.made, value);
  await assert.rejects(loop.next(), { code: "TOO_SLOW" });
  assert.equal((await loop.next()).done, true);
});
