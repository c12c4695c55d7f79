// The stock dpop library makes the proofs; fetch and the stock graphql-ws client send them, to a server
// that takes no token without one and wants its nonce in each.
// Options: algorithm, query, subscription and mutation (documents).
import * as dpop from "dpop";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { endpoint, options, say, socketEndpoint } from "./session.mjs";

const keys = await dpop.generateKeyPair(options.algorithm);
let nonce;

/** POST JSON with a proof, and once more when the server wants a nonce that we have not heard of. */
async function post(url, body, token, isAgain = false) {
  const headers = {
    "content-type": "application/json",
    accept: "application/json",
    dpop: await dpop.generateProof(keys, url, "POST", nonce, token),
  };
  if (token) headers.authorization = `DPoP ${token}`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  nonce = response.headers.get("dpop-nonce") ?? nonce;
  const text = await response.text();
  const wants = text.includes("use_dpop_nonce") || text.includes('"nonce"');
  if (wants && !isAgain) {
    say("nonce", { status: response.status });
    return post(url, body, token, true);
  }
  return { status: response.status, body: JSON.parse(text) };
}

/** What a socket is shown: a proof for the GET that it began with. */
async function shown(token) {
  return {
    authorization: `DPoP ${token}`,
    dpop: await dpop.generateProof(keys, endpoint, "GET", nonce, token),
  };
}

const { email, password } = options;
const signedIn = await post(`${options.url}/api/auth/login`, { email, password, delivery: "body" });
const { access_token: token, token_type: type, refresh_token: refreshToken } = signedIn.body;
say("signed in", { type, status: signedIn.status });
say("asked", await post(endpoint, { query: options.query }, token));

const stolen = await fetch(endpoint, {
  method: "POST",
  headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
  body: JSON.stringify({ query: options.query }),
});
say("stolen", { status: stolen.status, challenge: stolen.headers.get("www-authenticate") });

const client = createClient({
  url: socketEndpoint,
  webSocketImpl: WebSocket,
  connectionParams: () => shown(token),
  retryAttempts: 0,
  on: {
    connected: async (socket) => {
      const url = `${options.url}/api/auth/refresh`;
      const fresh = await post(url, { refresh_token: refreshToken, delivery: "body" });
      say("refreshed", { type: fresh.body.token_type, status: fresh.status });
      const payload = await shown(fresh.body.access_token);
      socket.send(JSON.stringify({ type: "ping", payload }));
    },
    pong: (received, payload) => received && payload && say("renewed", { payload }),
    closed: (event) => say("closed", { code: event.code, reason: event.reason }),
  },
});

client.subscribe(
  { query: options.subscription },
  {
    next: (answer) => {
      say("next", { answer });
      client.dispose();
    },
    error: (error) => say("gave up", { code: error.code, reason: error.reason }),
    complete: () => clearInterval(opening),
  },
);

// The protocol does not say when a subscription is live: what happens first may be too early.
const variables = { name: "Trouble with keys" };
const open = () => post(endpoint, { query: options.mutation, variables }, token);
const opening = setInterval(open, 1000);
