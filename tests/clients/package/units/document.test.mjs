import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, print, stripIgnoredCharacters } from "graphql";

const at = (name) => import(`${process.env.PACKAGE}/${name}.js`);
const { textOf } = await at("document"), { operationOf } = await at("operation-text");

const WHOLE = `
query Q($a: [Int!]! = [1, 2] @d, $b: In = {x: "a \\" b", y: null, z: [true, 1.5e3, RED]}) @live(if: $a) {
  alias: field(a: $a, text: """a "block" with \\\\ and
  lines""") @include(if: true) { ...F ... on T @d { b } ... @skip(if: false) { c } }
}
fragment F on T @d { a }
mutation M { a b }
subscription S { s }
`;

test("a syntax tree without its text is printed as the same document", () => {
  const without = JSON.parse(JSON.stringify(parse(WHOLE, { noLocation: true })));
  const strip = (document) => JSON.stringify(document, (key, value) => (key === "block" ? undefined : value));
  assert.equal(strip(parse(textOf(without), { noLocation: true })), strip(without));
  assert.throws(() => textOf({ kind: "SchemaDefinition" }), TypeError);
});

test("a text, a document with its text and a String object are taken as they are", () => {
  assert.equal(textOf(WHOLE), WHOLE);
  assert.equal(textOf(parse(WHOLE)), WHOLE);
  assert.equal(textOf(Object.assign(new String("{ a }"), { __meta__: {} })), "{ a }");
});

test("the kind of an operation and the number of its roots are read from its text", () => {
  for (const text of [WHOLE, print(parse(WHOLE)), stripIgnoredCharacters(WHOLE)]) {
    assert.deepEqual(["Q", "M", "S", undefined].map((name) => operationOf(text, name)?.type), ["query", "mutation", "subscription", "query"]);
    assert.deepEqual(["Q", "M", "S"].map((name) => operationOf(text, name)?.roots), [1, 2, 1]);
  }
  assert.deepEqual(operationOf('{ a(x: "mutation { b }") # mutation { b }\n }'), { type: "query", name: undefined, roots: 1 });
  // A fragment may have several fields.
  for (const text of ["{ ... { a b } }", "{ ... @include(if: true) { a b } }", "{ ... on T { a b } }", "{ ...F }"]) assert.ok(operationOf(`mutation ${text}`).roots > 1, text);
  assert.equal(operationOf("fragment F on T { a }"), undefined);
  assert.equal(operationOf(""), undefined);
});
