import assert from "node:assert/strict";
import { test } from "node:test";

const { readEvents } = await import(`${process.env.PACKAGE}/event-stream.js`);

/** Read a stream that comes in these chunks. */
async function read(chunks) {
  const events = [], encoder = new TextEncoder();
  const body = ReadableStream.from(chunks.map((each) => (typeof each === "string" ? encoder.encode(each) : each)));
  await readEvents(body, (each) => events.push(each) > 0);
  return events;
}

test("events are the same with each end of lines, and wherever the stream is cut", async () => {
  const lines = [":", "", "id: c0", "", "event: next", "id:c1", 'data: {"a":', "data:  1}", "retry: 5", "", "data", "event: complete", "", "event: cut off"];
  const expected = [
    { event: "", data: "", cursor: undefined },
    { event: "", data: "", cursor: "c0" },
    { event: "next", data: '{"a":\n 1}', cursor: "c1" },
    { event: "complete", data: "", cursor: undefined },
  ];
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = lines.join(end);
    assert.deepEqual(await read([...text]), expected);
    for (let at = 0; at <= text.length; at += 1) assert.deepEqual(await read([text.slice(0, at), text.slice(at)]), expected);
  }
});

test("a letter that is cut in two is whole", async () => {
  const bytes = new TextEncoder().encode("data: ä\n\n");
  assert.equal((await read([bytes.slice(0, 7), bytes.slice(7)]))[0].data, "ä");
});

/** Count the characters that the engine is asked to look through meanwhile. */
async function counting(work) {
  let looked = 0;
  const names = ["split", "indexOf", "includes", "startsWith", "endsWith", "slice", "match", "matchAll", "replace", "replaceAll", "search"];
  const kept = names.map((name) => [name, String.prototype[name]]);
  for (const [name, plain] of kept) {
    String.prototype[name] = function (...given) {
      looked += this.length;
      return plain.apply(this, given);
    };
  }
  try {
    await work();
  } finally {
    for (const [name, plain] of kept) String.prototype[name] = plain;
  }
  return looked;
}

test("the work for a stream is in proportion to its length, whatever its server sends", async () => {
  const most = 10;
  const streams = { "a line without end": "x", "one event of many lines": "data: 1\n", "only ends of lines": "\n", "one event": "data:\r" };
  for (const [what, chunk] of Object.entries(streams)) {
    const chunks = Array(2_000).fill(chunk);
    const looked = await counting(() => read(chunks));
    assert.ok(looked < most * chunks.join("").length, `${what}: ${looked}`);
  }
});
