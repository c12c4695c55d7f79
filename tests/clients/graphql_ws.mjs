// The stock graphql-ws client. Options: scenario, subscription (a document), and for the scenarios
// that need one, token (a token that the server refuses).
//
// subscribe   signs in and prints every answer
// refused     comes with a bad token; prints the close code and how often it connected
// expired     comes with an expired token first, and signs in when the server says so
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { options, say, signIn, socketEndpoint } from "./session.mjs";

const tokens = {
  subscribe: async () => (await signIn()).access_token,
  refused: async () => options.token,
  expired: async (attempt) => (attempt === 1 ? options.token : (await signIn()).access_token),
};

let attempts = 0;

async function connectionParams() {
  attempts += 1;
  say("connecting", { attempt: attempts });
  return { authorization: `Bearer ${await tokens[options.scenario](attempts)}` };
}

const client = createClient({
  url: socketEndpoint,
  webSocketImpl: WebSocket,
  connectionParams,
  retryAttempts: 3,
  retryWait: async () => {},
  on: {
    connected: (_socket, payload) => say("ready", { payload }),
    closed: (event) => say("closed", { code: event.code, reason: event.reason }),
  },
});

client.subscribe(
  { query: options.subscription, variables: options.variables },
  {
    next: (answer) => say("next", { answer }),
    error: (error) => say("gave up", { code: error.code, reason: error.reason, attempts }),
    complete: () => say("complete"),
  },
);
