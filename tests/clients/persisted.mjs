// Automatic persisted queries, as Apollo Client and urql send them: the hash of a document instead of
// the document. Options: client (apollo or urql), get (whether the hash goes by GET), query.
// Prints each request as it is sent, and the answer to each of two times that the query is asked.
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { endpoint, options, say } from "./session.mjs";

async function told(url, init) {
  const response = await fetch(url, init);
  const parameters = init.body ? JSON.parse(init.body) : Object.fromEntries(new URL(url).searchParams);
  const sent = { method: init.method, query: "query" in parameters, hash: "extensions" in parameters };
  say("request", { ...sent, status: response.status });
  return response;
}

function apollo() {
  const persisted = new PersistedQueryLink({
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
    useGETForHashedQueries: options.get,
  });
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([persisted, new HttpLink({ uri: endpoint, fetch: told })]),
  });
  return async () => client.query({ query: gql(options.query), fetchPolicy: "network-only" });
}

function urql() {
  const client = new Client({
    url: endpoint,
    fetch: told,
    preferGetMethod: false,
    exchanges: [persistedExchange({ preferGetForPersistedQueries: options.get }), fetchExchange],
  });
  return async () => client.query(options.query, {}).toPromise();
}

const ask = { apollo, urql }[options.client]();
for (let time = 0; time < 2; time += 1) {
  const { data, error } = await ask();
  say("answer", { data, error: error?.message });
}
