// graphql-http's own audit of a server's conformance to GraphQL over HTTP.
import { serverAudits } from "graphql-http";
import { endpoint, say } from "./session.mjs";

for (const audit of serverAudits({ url: endpoint })) {
  const { status, reason } = await audit.fn();
  say("audit", { id: audit.id, name: audit.name, status, reason });
}
say("done");
