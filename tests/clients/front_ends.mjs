// A front end by the pages of docs/how-to, in Node.js: it asks, changes something, and follows, also across a lost socket
// and an expired token. Options: email, password, kind (apollo, urql or relay).
import { say, options } from "./session.mjs";

// A browser keeps cookies by itself.
const plain = fetch;
let jar = "";
globalThis.fetch = async (url, given = {}) => {
  const answer = await plain(url, { ...given, headers: { ...given.headers, cookie: jar } });
  jar = answer.headers.getSetCookie()[0]?.split(";")[0] ?? jar;
  return answer;
};

const at = (name) => import(`${options.folder}/${name}.js`);
const session = await at("session"), live = await at("live"), { gql } = await import("@apollo/client");
const made = await at(options.kind);

const runs = {
  apollo: {
    query: (query) => made.client.query({ query: gql(query), fetchPolicy: "network-only", errorPolicy: "all" }),
    mutate: (mutation) => made.client.mutate({ mutation: gql(mutation) }),
    follow: (query, next) => made.client.subscribe({ query: gql(query) }).subscribe({ next }),
  },
  urql: {
    query: (query) => made.client.query(query, {}, { requestPolicy: "network-only" }).toPromise(),
    mutate: (mutation) => made.client.mutation(mutation, {}).toPromise(),
    follow: (query, next) => made.client.subscription(query, {}).subscribe(next),
  },
  // What the compiler makes of a document is a text and a kind; the rest of it is for the store.
  relay: {
    query: (text) => network("query", text).toPromise(),
    mutate: (text) => network("mutation", text).toPromise(),
    follow: (text, next) => network("subscription", text).subscribe({ next }),
  },
}[options.kind];
const network = (operationKind, text) =>
  made.environment.getNetwork().execute({ operationKind, text, name: "Any", id: null, metadata: {} }, {}, {});
const open = (name) => runs.mutate(`mutation { openIncident(input: { name: "${name}", body: "Here." }) { id } }`);
const heard = [];
let hears = () => {};
const hear = async (name) => {
  while (!heard.includes(name)) await new Promise((done) => { hears = done; });
};

await session.signIn(options.email, options.password);
say("viewer", { email: (await runs.query("{ viewer { email } }")).data.viewer?.email ?? null });
runs.follow("subscription { incidentsChanged(present: true) { kind incident { name } } }", ({ data }) => {
  const { kind, incident } = data.incidentsChanged;
  heard.push(kind === "OPENED" ? incident.name : kind);
  hears();
});
await hear("PRESENT");
await open("first");
await hear("first");
live.client.terminate();
await open("second");
await hear("second");
session.expire();
await open("third");
await hear("third");
say("heard", { names: heard.filter((name) => name !== "PRESENT") });
await session.signOut();
say("viewer", { email: (await runs.query("{ viewer { email } }")).data.viewer?.email ?? null });
process.exit();
