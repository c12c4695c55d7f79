// The stock graphql-sse client in its distinct connections mode: one POST for each operation.
// Options: subscription (a document), and token to come with instead of signing in.
import { createClient } from "graphql-sse";
import { endpoint, options, say, signIn } from "./session.mjs";

const client = createClient({
  url: endpoint,
  singleConnection: false,
  retryAttempts: 0,
  headers: async () => ({
    authorization: `Bearer ${options.token ?? (await signIn()).access_token}`,
  }),
  on: { connected: () => say("ready") },
});

client.subscribe(
  { query: options.subscription, variables: options.variables },
  {
    next: (answer) => say("next", { answer }),
    error: (error) => say("gave up", { status: error.response?.status, message: error.message }),
    complete: () => say("complete"),
  },
);
