// graphql-http's own audit of a server's conformance to GraphQL over HTTP, without a token and with one.
import { serverAudits } from "graphql-http";
import { endpoint, say, signIn } from "./session.mjs";

const { access_token: token } = await signIn();

function fetchWithToken(url, init) {
  return fetch(url, { ...init, headers: { ...init?.headers, authorization: `Bearer ${token}` } });
}

for (const [caller, fetchFn] of Object.entries({ anybody: fetch, person: fetchWithToken })) {
  for (const audit of serverAudits({ url: endpoint, fetchFn })) {
    const { status, reason } = await audit.fn();
    say("audit", { caller, id: audit.id, name: audit.name, status, reason });
  }
}
say("done");
