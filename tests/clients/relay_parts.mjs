// An operation with @defer or @stream by Relay, with artifacts as its compiler writes them; prints what its store holds
// after each part. Options: kind (defer or stream), place of relay-parts.js of docs/how-to.
import { Environment, RecordSource, Store, createOperationDescriptor } from "relay-runtime";
import { options, say } from "./session.mjs";

const scalar = (name) => ({ kind: "ScalarField", name, alias: null, args: null, storageKey: null });
const linked = (name, concreteType, plural, selections) => ({
  ...{ kind: "LinkedField", name, alias: null, args: null, storageKey: null, concreteType, plural, selections },
});

/** Return a compiled query: its text, and what Relay writes to its store. */
function compiled(name, text, selections) {
  return {
    kind: "Request",
    fragment: { kind: "Fragment", name, type: "Query", abstractKey: null, argumentDefinitions: [], metadata: null, selections: [] },
    operation: { kind: "Operation", name, argumentDefinitions: [], selections },
    params: { cacheID: name, id: null, metadata: {}, name, operationKind: "query", text },
  };
}

const queries = {
  defer: compiled(
    "Deferred",
    `query Deferred { book { title ... @defer(label: "Deferred$defer$Reviews") { title reviews price } } }`,
    [
      linked("book", "Book", false, [
        scalar("title"),
        {
          kind: "Defer",
          if: null,
          label: "Deferred$defer$Reviews",
          selections: [scalar("title"), scalar("reviews"), scalar("price")],
        },
      ]),
    ],
  ),
  stream: compiled(
    "Streamed",
    `query Streamed { books @stream(initialCount: 1, label: "Streamed$stream$books") { title } }`,
    [
      {
        kind: "Stream",
        if: null,
        label: "Streamed$stream$books",
        selections: [linked("books", "Book", true, [scalar("title")])],
      },
    ],
  ),
};

const { network } = await import(`${options.place}/relay-parts.js`);
const environment = new Environment({ network, store: new Store(new RecordSource()) });
const operation = createOperationDescriptor(queries[options.kind], {});
const shown = () => say("state", { records: environment.getStore().getSource().toJSON() });
await new Promise((complete, error) => environment.execute({ operation }).subscribe({ next: shown, complete, error }));
