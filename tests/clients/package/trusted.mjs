// Front ends that send only ids, against a server that takes nothing else. Options: step, folder, kind, email, password, url.
// `manifests` writes what the build of each kind writes into `folder`; `ask` asks, changes something, and follows.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { ApolloClient, ApolloLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { createRequest, stringifyDocument } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { print } from "graphql";
import { createLive, createSession } from "watchword-client";
import { watchwordLink } from "watchword-client/apollo";
import { byId, manifestOf } from "watchword-client/documents";
import { PASSKEY_DOCUMENTS } from "watchword-client/passkeys";
import { relayEnvironments } from "watchword-client/relay";
import { urqlClients } from "watchword-client/urql";

const options = JSON.parse(process.env.CLIENT_OPTIONS);
const say = (step, rest) => process.stdout.write(`${JSON.stringify({ ...rest, step })}\n`);
const hash = (kind, text) => createHash(kind).update(text).digest("hex");

const DOCUMENTS = {
  viewer: "query Viewer { viewer { email } }",
  open: "mutation Open($name: String!) { openIncident(input: { name: $name, body: \"Here.\" }) { id } }",
  changed: "subscription Changed { incidentsChanged(present: true) { kind incident { name } } }",
};
const cache = new InMemoryCache();
const apolloText = (text) => print(cache.transformDocument(gql(text)));
const urqlText = (text) => stringifyDocument(createRequest(text, {}).query);

async function manifests() {
  const texts = Object.values(DOCUMENTS);
  const operations = texts.map((text) => ({ id: hash("sha256", apolloText(text)), name: "", type: "", body: apolloText(text) }));
  const made = {
    ours: await manifestOf([...texts, ...PASSKEY_DOCUMENTS]),
    // As `generate-persisted-query-manifest` of Apollo writes it.
    apollo: { format: "apollo-persisted-query-manifest", version: 1, operations },
    // As Relay's compiler writes it: MD5 by default.
    relay: Object.fromEntries(texts.map((text) => [hash("md5", text), text])),
    // As the client preset of GraphQL Code Generator writes it.
    codegen: Object.fromEntries(texts.map((text) => [`sha256:${hash("sha256", urqlText(text))}`, urqlText(text)])),
  };
  for (const [name, manifest] of Object.entries(made)) writeFileSync(`${options.folder}/${name}.json`, JSON.stringify(manifest));
  say("written", {});
}

const sent = [];
const note = (request) => sent.push("query" in request ? "text" : "id");
const noted = (send) => async (url, init) => {
  if (String(url).endsWith("/graphql") && typeof init?.body === "string") note(JSON.parse(init.body));
  return send(url, init);
};
class NotedSocket extends WebSocket {
  send(text) {
    const message = JSON.parse(text);
    if (message.type === "subscribe") note(message.payload);
    super.send(text);
  }
}

function connected(transport = "websocket") {
  const plain = { fetch: noted(fetch), webSocket: NotedSocket };
  const { fetch: send, webSocket } = ["session", "sse"].includes(options.kind) ? byId(plain) : plain;
  return createLive(createSession({ url: options.url, fetch: send }), { transport, webSocket });
}

const KINDS = {
  session(live) {
    return {
      run: async (name, variables) => (await live.session.execute(DOCUMENTS[name], variables)).data,
      follow: (next) => live.subscribe(DOCUMENTS.changed, {}, { next: ({ data }) => next(data) }),
      stray: async () => (await live.session.execute("{ __typename }")).errors[0].extensions.code,
    };
  },
  apollo(live) {
    const persisted = new PersistedQueryLink({ sha256: (text) => hash("sha256", text) });
    const client = new ApolloClient({ cache, link: ApolloLink.from([persisted, watchwordLink(live)]) });
    const run = async (name, variables) =>
      (await (name === "open" ? client.mutate({ mutation: gql(DOCUMENTS.open), variables }) : client.query({ query: gql(DOCUMENTS[name]), fetchPolicy: "network-only" }))).data;
    return {
      run,
      follow: (next) => client.subscribe({ query: gql(DOCUMENTS.changed) }).subscribe({ next: ({ data }) => next(data) }),
      stray: async () => (await client.query({ query: gql("{ viewer { name } }"), errorPolicy: "all", fetchPolicy: "network-only" })).error.errors[0].extensions.code,
    };
  },
  urql(live) {
    // What the client preset puts into `document.__meta__.hash`.
    const generateHash = async (text) => `sha256:${hash("sha256", text)}`;
    const exchange = persistedExchange({ preferGetForPersistedQueries: false, enforcePersistedQueries: true, enableForMutation: true, enableForSubscriptions: true, generateHash });
    const client = () => urqlClients(live, [exchange]).current;
    return {
      run: async (name, variables) => (await (name === "open" ? client().mutation(DOCUMENTS.open, variables) : client().query(DOCUMENTS[name], {})).toPromise()).data,
      follow: (next) => client().subscription(DOCUMENTS.changed, {}).subscribe(({ data }) => next(data)),
      stray: async () => (await client().query("{ viewer { name } }", {}).toPromise()).error.graphQLErrors[0].extensions.code,
    };
  },
  relay(live) {
    const environments = relayEnvironments(live);
    const ask = (operationKind, id, variables = {}) =>
      environments.current.getNetwork().execute({ operationKind, id, text: null, name: "Any", metadata: {} }, variables, {});
    const id = (name) => hash("md5", DOCUMENTS[name]);
    return {
      run: async (name, variables) => (await ask(name === "open" ? "mutation" : "query", id(name), variables).toPromise()).data,
      follow: (next) => ask("subscription", id("changed")).subscribe({ next: ({ data }) => next(data) }),
      stray: async () => (await ask("query", "unknown").toPromise()).errors[0].extensions.code,
    };
  },
};

async function ask() {
  const live = connected(options.kind === "sse" ? "sse" : "websocket");
  const { run, follow, stray } = KINDS[options.kind === "sse" ? "session" : options.kind](live);
  await live.session.signIn({ email: options.email, password: options.password });
  const { viewer } = await run("viewer");
  const heard = await new Promise((done, fail) => {
    follow(({ incidentsChanged: { kind, incident } }) => {
      if (kind === "PRESENT") run("open", { name: options.kind }).catch(fail);
      else done(incident.name);
    });
  });
  say("asked", { email: viewer.email, heard, sent: [...new Set(sent)], stray: await stray() });
  process.exit();
}

await { manifests, ask }[options.step]();
