// Lists that are longer than a page have a button for more, and go on being live.
// Options: url, chromium, profile, password, pictures (a folder).
import { say } from "../session.mjs";
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
