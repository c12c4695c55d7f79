// Composes a supergraph of subgraphs by Apollo's library, and prints it, or its errors. Options: sdls, by name.
import { composeServices } from "@apollo/composition";
import { parse } from "graphql";

const { sdls } = JSON.parse(process.env.CLIENT_OPTIONS);
const services = Object.entries(sdls).map(([name, sdl]) => ({ name, url: `http://${name}`, typeDefs: parse(sdl) }));
const { supergraphSdl, errors } = composeServices(services);
console.log(JSON.stringify({ step: "composed", supergraphSdl, errors: (errors ?? []).map(({ message }) => message) }));
