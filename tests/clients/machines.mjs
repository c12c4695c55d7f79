// Services that act for themselves, with a stock OAuth client (oauth4webapi) and the stock graphql-ws client.
// Options: machine, bound and gateway (each with client_id and secret), signer (client_id, and key: a private JWK),
// query and subscription (documents).
import { createClient } from "graphql-ws";
import * as oauth from "oauth4webapi";
import WebSocket from "ws";
import { endpoint, options, say, socketEndpoint } from "./session.mjs";

const INSECURE = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(options.url);
const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...INSECURE });
const server = await oauth.processDiscoveryResponse(issuer, found);
say("discovered", { grants: server.grant_types_supported });

/** A client with its secret. */
function withSecret({ client_id, secret }, how = oauth.ClientSecretBasic) {
  return [{ client_id }, how(secret)];
}

/** The client's token; what a refusal says is thrown. */
async function token([client, authentication], scope, more = {}) {
  const asked = scope ? { scope } : {};
  const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, asked, {
    ...INSECURE,
    ...more,
  });
  return oauth.processClientCredentialsResponse(server, client, response);
}

/** What the server says when it refuses. */
async function refused(work) {
  try {
    await work;
  } catch (error) {
    return { error: error.error ?? error.message, status: error.status };
  }
  throw new Error("this was not refused");
}

async function ask(accessToken) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({ query: options.query }),
  });
  return { status: response.status, answer: await response.json() };
}

const machine = withSecret(options.machine);
const gateway = withSecret(options.gateway);

// --- With a secret, in both ways ---

const first = await token(machine);
say("machine", { scope: first.scope, type: first.token_type, refresh: "refresh_token" in first });
say("asked", await ask(first.access_token));
const posted = await token(withSecret(options.machine, oauth.ClientSecretPost), "incidents:read");
say("narrow", { scope: posted.scope });
say("too much", await refused(token(machine, "members:write")));
say("wrong", await refused(token(withSecret({ ...options.machine, secret: "wrong" }))));

// --- With a key ---

const curve = { name: "ECDSA", namedCurve: "P-256" };
const key = await crypto.subtle.importKey("jwk", options.signer.key, curve, false, ["sign"]);
const signing = oauth.PrivateKeyJwt({ key, kid: options.signer.key.kid });
const signed = await token([{ client_id: options.signer.client_id }, signing]);
say("signer", { scope: signed.scope });

// --- Bound to a key ---

const pair = await oauth.generateKeyPair("ES256");
const proof = oauth.DPoP({ client_id: options.bound.client_id }, pair);
const bound = withSecret(options.bound);
say("unbound", await refused(token(bound)));
const held = await token(bound, undefined, { DPoP: proof });
say("bound", { type: held.token_type });
const body = JSON.stringify({ query: options.query });
const headers = new Headers({ "content-type": "application/json" });
const url = new URL(endpoint);
const shown = await oauth.protectedResourceRequest(held.access_token, "POST", url, headers, body, {
  DPoP: proof,
  ...INSECURE,
});
say("bound asked", { status: shown.status, answer: await shown.json() });
say("bound stolen", { status: (await ask(held.access_token)).status });

// --- What the gateway is told, and what is given back ---

async function introspected(accessToken) {
  const [client, authentication] = gateway;
  const response = await oauth.introspectionRequest(server, client, authentication, accessToken, INSECURE);
  return oauth.processIntrospectionResponse(server, client, response);
}

say("introspected", { told: await introspected(held.access_token) });
const [client, authentication] = machine;
const stranger = await oauth.introspectionRequest(server, client, authentication, first.access_token, INSECURE);
say("stranger", await refused(oauth.processIntrospectionResponse(server, client, stranger)));
const request = new Request(endpoint, { headers: { authorization: `Bearer ${first.access_token}` } });
const claims = await oauth.validateJwtAccessToken(server, request, "watchword", INSECURE);
say("validated", { sub: claims.sub, client_id: claims.client_id });
const revoked = await oauth.revocationRequest(server, client, authentication, first.access_token, INSECURE);
await oauth.processRevocationResponse(revoked);
const gone = await ask(first.access_token);
say("revoked", { status: gone.status, told: await introspected(first.access_token) });

// --- A live subscription, until the client is disabled ---

const live = await token(machine);
const socket = createClient({
  url: socketEndpoint,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${live.access_token}` },
  retryAttempts: 0,
  on: {
    connected: () => say("ready"),
    closed: (event) => say("closed", { code: event.code, reason: event.reason }),
  },
});
await new Promise((done) => {
  const sink = { next: (answer) => say("next", { answer }), error: done, complete: done };
  socket.subscribe({ query: options.subscription }, sink);
});
say("disabled", await refused(token(machine)));
say("disabled asked", { status: (await ask(live.access_token)).status });
