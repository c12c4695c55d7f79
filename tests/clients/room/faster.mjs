// Somebody is faster at each change that is made on a version of an incident: "Keep theirs", and then "Send mine anyway". Each dialog
// has its focus inside, gives it back to its button, and is checked by axe. Options: url, chromium, profile, password, pictures,
// documents (those of the pages, by the names of their operations: the server takes no others).
import { options, say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const UPDATE = "What the public should know";
const carl = await Window.open("carl"), reader = await Window.open("reader");
const token = (await post("/api/auth/login", { email: "commander@example.com", password: options.password, delivery: "body" })).access_token;
const { components } = await ask("RoomAllComponents"), { members } = await ask("RoomMembers");
const idOf = (name) => [...components, ...members.nodes].find((each) => each.name === name).id;
const incident = (await ask("RoomOpen", { input: { name: "Refunds are slow", body: "We look.", impact: "MINOR", status: "INVESTIGATING", components: [] } })).openIncident.id;
let number = 0;

await carl.signIn("commander@example.com");
await opens("Open an incident", "Open an incident");
await carl.press("Refunds are slow", "link");
await carl.sees("Internal", "h2");
await carl.sees("(you)", ".people");
await reader.go("/");
await reader.sees("Refunds are slow");

// What is pressed, what is filled in, what sends it, what the dialog says is mine, and where it shows in the incident.
const CHANGES = [
  ["Change status", () => carl.choose("Status", "MONITORING"), "Change", "Status Monitoring", (is) => is.status],
  ["Change impact", () => carl.choose("Impact", "MAJOR"), "Change", "Major", (is) => is.impact],
  ["Components", () => carl.press("Webhooks", "checkbox", "dialog"), "Save", "Webhooks", (is) => is.components.map(({ name }) => name).join()],
  ["Assign commander", () => carl.choose("Commander", idOf("Carl Commander")), "Assign", "Carl Commander", (is) => is.commander?.name ?? null],
  ["Post update", () => carl.write(UPDATE, "Mine is posted."), null, "Mine is posted.", (is) => is.updates.nodes[0].body],
  ["Resolve", () => carl.write(UPDATE, "It is over."), "Resolve", "It is over.", (is) => is.status],
];
for (const [name, fill, send, mine, seen] of CHANGES) {
  if (send) await opens(name, "");
  const found = { name, mine: null, theirs: [] };
  for (const choice of ["Keep theirs", "Send mine anyway"]) {
    if (send) await carl.press(name);
    if (name === "Components") await carl.sees("Webhooks", "dialog label");
    if (name === "Assign commander") await carl.sees("Carl Commander", "dialog option");
    await fill();
    const theirs = await outrun();
    await (send ? carl.press(send, "button", "dialog") : carl.press(name));
    await carl.sees("Somebody was faster", "dialog h2");
    await carl.sees(theirs, ".versus section:last-child");
    await carl.sees(mine, ".versus section:first-child");
    if (choice === "Keep theirs") await carl.check(`somebody was faster at: ${name}`);
    const before = seen(await now());
    await carl.press(choice, "button", "dialog");
    await carl.page.waitForFunction(() => document.querySelector("dialog") === null);
    if (choice === "Send mine anyway") found.after = await changed(seen, before);
    else found.kept = seen(await now()) === before;
    found.focused = await carl.focused();
    if (!send && choice === "Keep theirs") await carl.write(UPDATE, "");
  }
  say("faster", found);
}

// The public sees the end of it, and which component was affected.
await reader.sees("It is over.", ".past");
say("public", { past: await reader.text(".past") });

// A component's state, outside of the incident: seen by the public page, by Statuspage's JSON, and by the API.
await carl.press("Components", "link", "nav");
await carl.sees("Webhooks", ".things");
await opens("Register a component", "Register a component");
await opens("Change status of Webhooks", "Status of Webhooks");
await carl.press("Change status of Webhooks");
await carl.choose("Status", "MAJOR_OUTAGE");
await carl.press("Change", "button", "dialog");
await carl.page.waitForFunction(() => document.querySelector("dialog") === null);
const row = () => [...document.querySelectorAll("main li")].find((each) => each.textContent.includes("Webhooks"))?.innerText;
await reader.page.waitForFunction(`(${row})()?.includes("Major outage")`);
const { components: exported } = await (await fetch(`${options.url}/api/v2/components.json`)).json();
say("component", {
  api: (await ask("RoomAllComponents")).components.find(({ name }) => name === "Webhooks").status,
  statuspage: exported.find(({ name }) => name === "Webhooks").status,
  page: await reader.page.evaluate(row),
});
await close();

/** Change the impact before the person's change arrives; return what the dialog says of it. */
async function outrun() {
  const impact = (number += 1) % 2 ? "CRITICAL" : "NONE";
  await ask("RoomImpact", { input: { incident, impact } });
  await carl.page.waitForSelector(`.incident-head .is-${impact}`);
  return impact === "NONE" ? "→ None" : "→ Critical";
}

async function now() {
  return (await ask("RoomIncident", { id: incident })).incident;
}

/** Return what is there once it is not what was before. */
async function changed(seen, before) {
  for (;;) {
    const found = seen(await now());
    if (found !== before) return found;
  }
}

/** Open a dialog, check it, and close it by Escape: the focus is inside, and comes back. */
async function opens(name, title) {
  await carl.press(name);
  await carl.sees(title, "dialog h2");
  await carl.page.waitForFunction(() => document.querySelector("dialog :focus")?.matches("input, select, textarea, button:not(.close)"));
  await carl.check(`dialog of: ${name}`);
  await carl.page.keyboard.press("Escape");
  await carl.page.waitForFunction(() => document.querySelector("dialog") === null);
  const focused = await carl.page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.textContent);
  if (focused !== name) say("violation", { what: name, id: "focus", help: `after the dialog, ${focused} has it`, nodes: [] });
}

async function ask(name, variables = {}) {
  const headers = { authorization: `Bearer ${token}` };
  const { data, errors } = await post("/graphql", { query: options.documents[name], operationName: name, variables }, headers);
  if (errors) throw new Error(`${name}: ${JSON.stringify(errors)}`);
  return data;
}

async function post(path, body, headers = {}) {
  const answer = await fetch(options.url + path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } });
  return answer.json();
}
