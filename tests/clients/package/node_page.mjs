// The package in Node.js, which has no cookies: it keeps the refresh token itself. Options: url, package (the folder that
// it was compiled to), given (the options of its session), without ("React Native": what that does not have is taken away; "Node.js 20":
// no WebSocket of its own; "WebSocket": none gets through).
import { createInterface } from "node:readline";
import { page } from "./commands.mjs";

const options = JSON.parse(process.env.CLIENT_OPTIONS);
const say = (step, rest) => process.stdout.write(`${JSON.stringify({ ...rest, step })}\n`);
const sockets = [];
if (options.without === "React Native") {
  // Node.js loads its own fetch when it is first used, and that needs them.
  await (await fetch("data:text/plain,loaded")).text();
  void WebSocket;
  for (const name of ["BroadcastChannel", "navigator", "TextDecoder", "TextDecoderStream", "indexedDB", "crypto", "reportError"]) {
    Object.defineProperty(globalThis, name, { value: undefined, configurable: true });
  }
  // Its window tells nothing, and no answer is read as it comes.
  globalThis.window = globalThis;
  const plain = fetch;
  globalThis.fetch = async (...given) => Object.defineProperty(await plain(...given), "body", { value: undefined });
}
if (options.without === "Node.js 20") delete globalThis.WebSocket;
if (options.without === "WebSocket") {
  // As behind a proxy that passes no WebSocket on: nobody listens there.
  const { WebSocket } = globalThis;
  globalThis.WebSocket = class extends WebSocket {
    constructor(_url, protocol) {
      super("ws://127.0.0.1:1/graphql", protocol);
    }
  };
}
const Plain = globalThis.WebSocket ?? (await import("ws")).default;
const client = await import(`${options.package}/index.js`);
class webSocket extends Plain {
  constructor(...given) {
    super(...given);
    sockets.push(this);
  }
}
const commands = page(client, say, { url: options.url, ...options.given, live: { webSocket, ...options.given?.live } });
commands.cut = () => sockets.at(-1).close();
say("loaded");
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...given } = JSON.parse(line);
  await commands[name](given);
}
commands.live.close();
commands.session.close();
