// Apollo Client as its documentation sets it up: an auth link, an error link that refreshes, and a
// split between HTTP and graphql-ws. It starts with a token that the server refuses.
// Options: token, query, subscription (documents); multipart, to subscribe over HTTP instead.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, ServerError, gql } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { from, switchMap } from "rxjs";
import WebSocket from "ws";
import { endpoint, options, refresh, say, signIn, socketEndpoint } from "./session.mjs";

const { refresh_token: refreshToken } = await signIn();
let accessToken = options.token;

async function renew() {
  accessToken = (await refresh(refreshToken)).access_token;
  say("refreshed");
}

const auth = new SetContextLink(({ headers }) => ({
  headers: { ...headers, authorization: `Bearer ${accessToken}` },
}));

const renewal = new ErrorLink(({ error, operation, forward }) => {
  if (!ServerError.is(error) || error.statusCode !== 401) return undefined;
  say("refused", {
    status: error.statusCode,
    challenge: error.response.headers.get("www-authenticate"),
  });
  return from(renew()).pipe(switchMap(() => forward(operation)));
});

const socket = createClient({
  url: socketEndpoint,
  webSocketImpl: WebSocket,
  connectionParams: () => ({ authorization: `Bearer ${accessToken}` }),
  on: { connected: () => say("ready") },
});

const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([
    renewal,
    ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      options.multipart
        ? ApolloLink.from([auth, new HttpLink({ uri: endpoint })])
        : new GraphQLWsLink(socket),
      ApolloLink.from([auth, new HttpLink({ uri: endpoint })]),
    ),
  ]),
});

const { data } = await client.query({ query: gql(options.query) });
say("answer", { data });

client.subscribe({ query: gql(options.subscription) }).subscribe({
  next: (answer) => say("next", { data: answer.data, error: answer.error?.message }),
  error: (error) => say("gave up", { message: error.message }),
});
