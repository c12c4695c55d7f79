// The stock graphql-ws client. Options: scenario, subscription (a document), and for the scenarios
// that need one, token (a token that the server refuses).
//
// subscribe   signs in and prints every answer
// refused     comes with a bad token; prints the close code and how often it connected
// expired     comes with an expired token first, and signs in when the server says so
// resume      keeps the last cursor, loses its socket after the first answer, and comes back late
// renew       sends a new token on the live socket, and prints the pong
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { options, refresh, say, signIn, socketEndpoint } from "./session.mjs";

const tokens = {
  subscribe: async () => (await signIn()).access_token,
  refused: async () => options.token,
  resume: async () => (await signIn()).access_token,
  renew: async () => (signedIn = await signIn()).access_token,
  expired: async (attempt) => (attempt === 1 ? options.token : (await signIn()).access_token),
};

let attempts = 0;
let signedIn;
// Milliseconds for things to happen while nobody listens.
const AWAY = 1500;

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
  retryWait: (retries) =>
    new Promise((done) => setTimeout(done, options.scenario === "resume" ? AWAY : 0)),
  on: {
    connected: async (socket, payload) => {
      say("ready", { payload });
      if (options.scenario !== "renew") return;
      const { access_token: token } = await refresh(signedIn.refresh_token);
      socket.send(JSON.stringify({ type: "ping", payload: { authorization: `Bearer ${token}` } }));
    },
    pong: (received, payload) => received && payload && say("renewed", { payload }),
    closed: (event) => say("closed", { code: event.code, reason: event.reason }),
  },
});

// The client keeps this very object: what is written into it goes with the next subscribe.
const request = { query: options.subscription, variables: options.variables };

client.subscribe(request,
  {
    next: (answer) => {
      say("next", { answer });
      if (options.scenario !== "resume") return;
      const isFirst = request.extensions === undefined;
      request.extensions = { resume: answer.extensions.cursor };
      if (isFirst) client.terminate();
    },
    error: (error) => say("gave up", { code: error.code, reason: error.reason, attempts }),
    complete: () => say("complete"),
  },
);
