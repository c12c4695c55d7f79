// Lists that are longer than a page have a button for more, and go on being live.
// Options: url, chromium, profile, password, pictures (a folder).
import { options, say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const admin = await Window.open("admin");
await admin.signIn("ada@example.com");
await admin.go("/room/admin/members");
await admin.sees("members", ".more");
say("members", { first: (await admin.text("tbody tr")).length, said: await admin.text(".more span") });
await admin.press("Show more members");
await admin.seesNoMore("Show more");
say("all members", { shown: new Set(await admin.text("tbody tr")).size });

// What is done to an entry of the second page leaves both shown.
const last = "::-p-xpath(//tbody/tr[last()]//button[normalize-space()='Disable'])";
await (await admin.page.waitForSelector(last)).press("Enter");
await admin.press("Disable", "button", ".confirm");
await admin.sees("Disabled", "tbody tr:last-child th .badge");
await admin.page.waitForSelector("::-p-xpath(//tbody/tr[last()]//button[normalize-space()='Enable'])");
say("disabled", { shown: (await admin.text("tbody tr")).length, marked: await admin.text("tbody th .badge"), offered: await admin.buttons("tbody tr:last-child") });
await (await admin.page.waitForSelector("::-p-xpath(//tbody/tr[last()]//button[normalize-space()='Enable'])")).press("Enter");
await admin.press("Enable", "button", ".confirm");
await admin.page.waitForSelector(last);
say("enabled", { marked: await admin.text("tbody th .badge"), offered: await admin.buttons("tbody tr:last-child") });

const sockets = await Promise.all(Array.from({ length: 101 }, connected));
await admin.go("/room/admin/connections");
await admin.press("Show more connections");
await admin.seesNoMore("Show more");
const shown = await admin.text("tbody tr");
// The list is asked for again every few seconds, and stays whole.
await admin.page.waitForResponse((response) => response.request().postData()?.includes("RoomConnections"));
say("connections", { shown: shown.length, again: (await admin.text("tbody tr")).length });
sockets.forEach((each) => each.close());

await admin.press("Incidents", "link");
await admin.press("Show more closed incidents");
await admin.page.waitForFunction(() => document.querySelectorAll('[aria-labelledby="closed"] li').length > 15);
say("incidents", { shown: (await admin.text('[aria-labelledby="closed"] li')).length, said: await admin.text(".more span") });

await admin.press("Open an incident");
await admin.write("Name", "Many hands");
await admin.write("First update", "Here.");
await admin.press("Open", "button", "dialog");
await admin.press("Assign commander");
await admin.press("Show more members", "button", "dialog");
await admin.seesNoMore("Show more", "dialog");
await admin.sees("All", "dialog .more :focus");
say("commanders", { offered: (await admin.text("dialog option")).length, focused: await admin.text(":focus") });
await close();

/** Open a socket that nobody is signed in on. */
function connected() {
  const socket = new WebSocket(`${options.url.replace(/^http/, "ws")}/graphql`, "graphql-transport-ws");
  return new Promise((resolve, reject) => {
    socket.onopen = () => socket.send('{"type":"connection_init"}');
    socket.onmessage = () => resolve(socket);
    socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
  });
}
