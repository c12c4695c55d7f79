// Front ends that send only ids, by the manifests and documents that the real tools have made, against a server that
// takes nothing else. Options: kind, email, password, url. It asks, changes something, and follows.
import { ApolloClient, ApolloLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { generatePersistedQueryIdsAtRuntime, generatePersistedQueryIdsFromManifest } from "@apollo/persisted-query-lists";
import { cacheExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { createHash } from "node:crypto";
import { commitMutation, fetchQuery, requestSubscription } from "relay-runtime";
import { createLive, createSession } from "watchword-client";
import { watchwordLink } from "watchword-client/apollo";
import { byId, idsOf } from "watchword-client/documents";
import { relayEnvironments } from "watchword-client/relay";
import { urqlClients } from "watchword-client/urql";
import relayChanged from "./__generated__/relayChangedSubscription.graphql.js";
import relayOpen from "./__generated__/relayOpenMutation.graphql.js";
import relayViewer from "./__generated__/relayViewerQuery.graphql.js";
import * as apollo from "./apollo.js";
import manifest from "./manifests/apollo.json";
import * as nodes from "./nodes/graphql.js";
import { OURS } from "./ours.js";
import * as texts from "./texts/graphql.js";

const { kind, url, email, password } = JSON.parse(process.env.CLIENT_OPTIONS);
const say = (step, rest) => process.stdout.write(`${JSON.stringify({ ...rest, step })}\n`);
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

const sent = new Set();
const note = (request) => sent.add("query" in request ? "text" : "id");
const plain = {
  fetch: async (to, init) => {
    if (String(to).endsWith("/graphql") && typeof init?.body === "string") note(JSON.parse(init.body));
    return fetch(to, init);
  },
  webSocket: class extends WebSocket {
    send(text) {
      const message = JSON.parse(text);
      if (message.type === "subscribe") note(message.payload);
      super.send(text);
    }
  },
};

const connected = ({ fetch: send, webSocket }, transport = "websocket") => createLive(createSession({ url, fetch: send }), { transport, webSocket });

/** A session alone, whose documents get their ids on the way. */
function ofSession(live, documents) {
  return {
    live,
    run: async (name, variables) => (await live.session.execute(documents[name], variables)).data,
    follow: (next) => live.subscribe(documents.Changed, {}, { next: ({ data }) => next(data) }),
    stray: async () => (await live.session.execute("{ __typename }")).errors[0].extensions.code,
  };
}

// By a manifest, Apollo's link sends nothing that is not in it.
const codeOf = ({ errors, message }) => errors?.[0].extensions.code ?? message;

function ofApollo(options) {
  const live = connected(plain), link = ApolloLink.from([new PersistedQueryLink(options), watchwordLink(live)]);
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  return {
    live,
    run: async (name, variables) => (await (name === "Open" ? client.mutate({ mutation: apollo.Open, variables }) : client.query({ query: apollo[name] }))).data,
    follow: (next) => client.subscribe({ query: apollo.Changed }).subscribe({ next: ({ data }) => next(data) }),
    stray: async () => codeOf((await client.query({ query: gql("query Stray { viewer { name } }"), errorPolicy: "all" })).error),
  };
}

const generated = ({ ViewerDocument: Viewer, OpenDocument: Open, ChangedDocument: Changed }) => ({ Viewer, Open, Changed });
const identified = (documents) => byId({ ...plain, idOf: idsOf(Object.values(documents)) });

const KINDS = {
  session: () => ofSession(connected(byId(plain)), OURS),
  sse: () => ofSession(connected(byId(plain), "sse"), OURS),
  "codegen's nodes": () => ofSession(connected(identified(nodes)), generated(nodes)),
  "codegen's texts": () => ofSession(connected(identified(texts)), generated(texts)),
  "apollo by its manifest": () => ofApollo(generatePersistedQueryIdsFromManifest({ loadManifest: () => manifest })),
  "apollo by hashes": () => ofApollo(generatePersistedQueryIdsAtRuntime({ sha256 })),
  urql() {
    const live = connected(plain), documents = generated(nodes), generateHash = async (_text, document) => document.__meta__?.hash ?? "unknown";
    const exchange = persistedExchange({ preferGetForPersistedQueries: false, enforcePersistedQueries: true, enableForMutation: true, enableForSubscriptions: true, generateHash });
    const { current: client } = urqlClients(live, [cacheExchange, exchange]);
    return {
      live,
      run: async (name, variables) => (await (name === "Open" ? client.mutation(documents.Open, variables) : client.query(documents[name], {}))).data,
      follow: (next) => client.subscription(documents.Changed, {}).subscribe(({ data }) => next(data)),
      stray: async () => (await client.query("{ viewer { name } }", {})).error.graphQLErrors[0].extensions.code,
    };
  },
  relay() {
    const live = connected(plain), environments = relayEnvironments(live);
    const mutate = (variables) => new Promise((onCompleted, onError) => void commitMutation(environments.current, { mutation: relayOpen, variables, onCompleted, onError }));
    return {
      live,
      run: (name, variables) => (name === "Open" ? mutate(variables) : fetchQuery(environments.current, relayViewer, {}).toPromise()),
      follow: (onNext) => requestSubscription(environments.current, { subscription: relayChanged, variables: { present: true }, onNext }),
      stray: async () => (await environments.current.getNetwork().execute({ ...relayViewer.params, id: "unknown" }, {}, {}).toPromise()).errors[0].extensions.code,
    };
  },
};

const { live, run, follow, stray } = KINDS[kind]();
await live.session.signIn({ email, password });
const { viewer } = await run("Viewer");
const heard = await new Promise((done, fail) => {
  const input = { name: kind, body: "Here." };
  follow(({ incidentsChanged: { kind, incident } }) => {
    if (kind === "PRESENT") run("Open", { input }).catch(fail);
    else done(incident.name);
  });
});
say("asked", { email: viewer.email, heard, sent: [...sent], stray: await stray() });
process.exit();
