// A window that stays open over the renewal of its token, and over its end. It says when the socket was renewed, and how many
// sockets there have been. Options: url, chromium, profile, password, email. Each line on stdin is a text to wait for.
import { createInterface } from "node:readline";
import { options, say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const window = await Window.open("rosa");
const network = await window.page.createCDPSession();
let sockets = 0;
await network.send("Network.enable");
network.on("Network.webSocketCreated", () => (sockets += 1));
network.on("Network.webSocketFrameReceived", ({ response }) => {
  const { type, payload } = JSON.parse(response.payloadData);
  if (type === "pong" && payload?.expiresAt) void idle().then(() => say("renewed"));
});
/** Wait until no request is open: the server refuses those whose time is over when its clock is moved. */
const idle = () => window.page.waitForNetworkIdle({ idleTime: 200 });
await window.signIn(options.email);
await window.sees("Live", ".live");
await idle();
say("live");
for await (const line of createInterface({ input: process.stdin })) {
  await window.sees(JSON.parse(line).do);
  await idle();
  say("shown", { sockets });
}
await close();
