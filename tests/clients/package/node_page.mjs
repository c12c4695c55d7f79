// The package in Node.js, which has no cookies: it keeps the refresh token itself. Options: url, package (the folder that
// it was compiled to), given (the options of its session), socket ("ws" for that package instead of the global WebSocket).
import { createInterface } from "node:readline";
import { page } from "./commands.mjs";

const options = JSON.parse(process.env.CLIENT_OPTIONS);
const say = (step, rest) => process.stdout.write(`${JSON.stringify({ ...rest, step })}\n`);
const client = await import(`${options.package}/index.js`);
const sockets = [];
const Plain = options.socket === "ws" ? (await import(options.ws)).default : globalThis.WebSocket;
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
