// Composes a supergraph of running subgraphs, by The Guild's library, and prints it. Options: urls, by name.
import { composeServices } from "@theguild/federation-composition";
import { parse } from "graphql";

async function described([name, url]) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query: "{ _service { sdl } }" }),
  });
  return { name, url, typeDefs: parse((await answer.json()).data._service.sdl) };
}

const { urls } = JSON.parse(process.env.CLIENT_OPTIONS);
const { supergraphSdl, errors } = composeServices(await Promise.all(Object.entries(urls).map(described)));
if (errors) throw new Error(errors.join("\n"));
console.log(JSON.stringify({ step: "composed", supergraphSdl }));
