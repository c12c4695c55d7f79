// An operation with @defer or @stream by a stock client; prints each state of the answer.
// Options: url, kind (apollo, older-apollo, urql, graphql-sse, graphql-ws), place of deferred.js of docs/how-to, query.
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { Defer20220824Handler } from "@apollo/client/incremental";
import { Client, fetchExchange } from "@urql/core";
import * as sse from "graphql-sse";
import * as ws from "graphql-ws";
import WebSocket from "ws";
import { endpoint, options, say, socketEndpoint } from "./session.mjs";

const { query } = options;
const told = ({ data, error, errors, hasNext, networkStatus }) =>
  say("state", { data, errors: error?.errors ?? error?.graphQLErrors ?? errors, hasNext, networkStatus });

/** Print each result of a protocol's own client, which does not put parts together. */
async function raw(client) {
  for await (const part of client.iterate({ query })) say("part", { part });
}

async function apollo(client) {
  await new Promise((resolve, reject) => {
    client.watchQuery({ query: gql(query), errorPolicy: "all", notifyOnNetworkStatusChange: true }).subscribe({
      next: (state) => {
        told(state);
        // 7 is "ready": nothing is loading any more.
        if (state.networkStatus === 7 || state.networkStatus === 8) resolve();
      },
      error: reject,
    });
  });
  client.stop();
}

const runs = {
  apollo: async () => apollo((await import(`${options.place}/deferred.js`)).client),
  "older-apollo": () =>
    apollo(
      new ApolloClient({
        cache: new InMemoryCache(),
        link: new HttpLink({ uri: endpoint }),
        incrementalHandler: new Defer20220824Handler(),
      }),
    ),
  urql: () =>
    new Promise((resolve) => {
      const client = new Client({ url: endpoint, preferGetMethod: false, exchanges: [fetchExchange] });
      client.query(query, {}).subscribe((state) => {
        told(state);
        if (!state.hasNext) resolve();
      });
    }),
  "graphql-sse": () => raw(sse.createClient({ url: endpoint })),
  "graphql-ws": async () => {
    const client = ws.createClient({ url: socketEndpoint, webSocketImpl: WebSocket });
    await raw(client);
    await client.dispose();
  },
};
await runs[options.kind]();
