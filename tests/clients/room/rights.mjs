// What each role is offered, page by page, at an incident that nobody commands and at one that the responder commands.
// Options: url, chromium, profile, password, pictures, roles (their names), incidents (the ids of both).
import { options, say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const [free, led] = options.incidents;
// Somebody is connected, so that there is a connection to end.
const reader = await Window.open("reader");
await reader.go("/");
await reader.page.waitForSelector("#live.on");
for (const role of options.roles) {
  const window = await Window.open(role), offered = new Set();
  /** Go to a page, wait until it has loaded, and note what it offers. */
  const visit = async (place, path, shown, within = "main") => {
    await window.go(path);
    await window.page.waitForSelector(shown);
    await window.seesNoMore("Loading …");
    for (const name of await window.page.$$eval(`${within} button, ${within} .switch label`, (all) => all.map((each) => each.textContent))) offered.add(`${place}: ${name}`);
  };
  await window.signIn(`${role}@example.com`);
  await visit("incidents", "/room", "main h3");
  await visit("an incident", `/room/incidents/${free}`, ".timeline li");
  await visit("an incident that Rosa commands", `/room/incidents/${led}`, ".timeline li");
  const links = await window.text(".top nav a");
  await visit("components", "/room/components", links.includes("Components") ? ".things li" : ".empty", links.includes("Components") ? ".head" : "main");
  await window.go("/room/admin");
  await window.page.waitForFunction(() => document.querySelector(".tabs") || document.querySelector("main")?.innerText.includes("nothing here for you"));
  for (const part of await window.page.$$eval(".tabs a", (all) => all.map((each) => each.getAttribute("href").split("/").at(-1)))) {
    await visit(part, `/room/admin/${part}`, part === "clients" ? ".panel h2" : "tbody tr");
  }
  await window.go("/room/account");
  await window.sees("This one", ".things .badge");
  say(role, { offered: [...offered].sort(), links });
}
await close();
