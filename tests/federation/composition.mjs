// Composes a supergraph of subgraphs by Apollo's library, and prints it, or its errors; and why @apollo/gateway refuses the
// supergraph, if it does. Options: sdls, by name.
import { composeServices } from "@apollo/composition";
import { ApolloGateway } from "@apollo/gateway";
import { parse } from "graphql";

const { sdls } = JSON.parse(process.env.CLIENT_OPTIONS);
const services = Object.entries(sdls).map(([name, sdl]) => ({ name, url: `http://${name}`, typeDefs: parse(sdl) }));
const { supergraphSdl, errors } = composeServices(services);
const refusal = errors ? null : await refusalOf(supergraphSdl);
console.log(JSON.stringify({ step: "composed", supergraphSdl, errors: (errors ?? []).map(({ message }) => message), refusal }));

async function refusalOf(supergraphSdl) {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const gateway = new ApolloGateway({ supergraphSdl, logger: silent });
  try {
    await gateway.load();
    await gateway.stop();
    return null;
  } catch ({ message }) {
    return message;
  }
}
