// A front end by the pages of docs/how-to, in Node.js, with the real libraries: it asks, changes something, and follows,
// also across a cut socket and an expired token. Options: folder (the page's module), kind, email, password.
const options = JSON.parse(process.env.CLIENT_OPTIONS);
const say = (step, rest) => process.stdout.write(`${JSON.stringify({ ...rest, step })}\n`);
const made = await import(`${options.folder}/${options.kind}.js`);
const { live } = made, { session } = live;
const sockets = [];
globalThis.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    sockets.push(this);
  }
};

const runs = await {
  async apollo() {
    const { gql } = await import(`${options.folder}/libraries.js`);
    const { client } = made;
    return {
      query: (query) => client.query({ query: gql(query), errorPolicy: "all" }),
      mutate: (mutation) => client.mutate({ mutation: gql(mutation) }),
      follow: (query, next) => client.subscribe({ query: gql(query) }).subscribe({ next }),
    };
  },
  async urql() {
    return {
      query: (query) => made.clients.current.query(query, {}).toPromise(),
      mutate: (mutation) => made.clients.current.mutation(mutation, {}).toPromise(),
      follow: (query, next) => made.clients.current.subscription(query, {}).subscribe(next),
    };
  },
  // What the compiler makes of a document is a text and a kind; the rest of it is for the store.
  async relay() {
    const network = (operationKind, text) =>
      made.environments.current.getNetwork().execute({ operationKind, text, name: "Any", id: null, metadata: {} }, {}, {});
    return {
      query: (text) => network("query", text).toPromise(),
      mutate: (text) => network("mutation", text).toPromise(),
      follow: (text, next) => network("subscription", text).subscribe({ next }),
    };
  },
  async "graphql-ws"() {
    const { client } = made;
    const once = (query) => new Promise((resolve, reject) => {
      let answer;
      client.subscribe({ query }, { next: (each) => (answer = each), error: reject, complete: () => resolve(answer) });
    });
    return { query: once, mutate: once, follow: (query, next) => client.subscribe({ query }, { next, error: console.error, complete() {} }) };
  },
  async "tanstack-query"() {
    const { queries, client } = made;
    return {
      query: async (query) => ({ data: await client.fetchQuery(queries.query(query)).catch((error) => error.data) }),
      mutate: (mutation) => session.query(mutation),
      follow: (query, next) => queries.follow(query, {}, { next }),
    };
  },
}[options.kind]();

const viewer = async () => (await runs.query("{ viewer { email } }")).data.viewer?.email ?? null;
const open = (name) => runs.mutate(`mutation { openIncident(input: { name: "${name}", body: "Here." }) { id } }`);
const heard = [];
let hears = () => {};
const hear = async (name) => {
  while (!heard.includes(name)) await new Promise((done) => (hears = done));
};

say("viewer", { email: await viewer() });
await session.signIn({ email: options.email, password: options.password });
say("viewer", { email: await viewer() });
runs.follow("subscription { incidentsChanged(present: true) { kind incident { name } } }", ({ data }) => {
  const { kind, incident } = data.incidentsChanged;
  heard.push(kind === "OPENED" ? incident.name : kind);
  hears();
});
await hear("PRESENT");
await open("first");
await hear("first");
sockets.at(-1).close();
await open("second");
await hear("second");
session.expire(await session.token());
await open("third");
await hear("third");
// The public goes on.
const { email, password } = options;
await session.signOut();
say("viewer", { email: await viewer() });
await session.signIn({ email, password });
await open("fourth");
await hear("fourth");
say("heard", { names: heard.filter((name) => name !== "PRESENT") });
say("viewer", { email: await viewer() });
process.exit();
