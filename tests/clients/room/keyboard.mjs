// The keyboard alone, and what a screen reader is told. Options: url, chromium, profile, password.
import { say } from "../session.mjs";
import { tour } from "./tour.mjs";
import { close, Window } from "./window.mjs";

const admin = await Window.open("admin");
await admin.go();
await admin.sees("Sign in", "button");
await tour(admin, "sign-in");
await admin.signIn("admin@example.com");
await admin.sees("Checkout fails", "h3");
await admin.seesNoMore("Loading …");
say("signed in", { focused: await admin.focused() });
await tour(admin, "list");
await admin.press("Open an incident");
await admin.sees("Webhooks", "label");
await tour(admin, "open an incident", "dialog");
await admin.page.keyboard.press("Escape");
await admin.press("Checkout fails for some customers", "link");
await admin.sees("Internal", "h2");
await admin.sees("(you)", ".people");
say("followed a link", { focused: await admin.focused() });
await tour(admin, "incident");
await admin.press("Components", "link", "nav");
await admin.sees("Webhooks", ".things");
await tour(admin, "components");
await admin.press("Account", "link");
await admin.sees("This one", ".badge");
await admin.seesNoMore("Loading …");
await tour(admin, "account");
for (const [part, title] of [["members", "Members"], ["connections", "Live connections"], ["clients", "Clients"], ["keys", "Signing keys"], ["audit", "Audit log"]]) {
  await admin.go(`/room/admin/${part}`);
  await admin.sees(title, "h2");
  await admin.seesNoMore("Loading …");
  await tour(admin, part);
}

// An entry that goes leaves the focus on the next one, and the last one leaves it on the title.
const other = await Window.open("other"), third = await Window.open("third");
for (const each of [other, third]) await each.signIn("admin@example.com");
await admin.press("Account", "link");
await admin.sees("This one", ".badge");
const ends = '::-p-xpath(//ul[@class="things"]//button[normalize-space()="End"])';
await (await admin.page.waitForSelector(ends)).press("Enter");
await admin.press("End", "button", ".confirm");
await admin.page.waitForFunction(() => document.querySelectorAll("section:first-child .things li").length === 2);
say("ended one", { focused: await admin.focused(), in: await admin.text("li:has(:focus) strong") });
await admin.page.keyboard.press("Enter");
await admin.press("End", "button", ".confirm");
await admin.page.waitForFunction(() => document.querySelectorAll("section:first-child .things li").length === 1);
say("ended the last", { focused: await admin.focused() });
await admin.page.keyboard.press("Tab");
say("went on", { focused: await admin.focused() });

// A button that is disabled while the server is asked has the focus again afterwards.
await admin.write("Current password", "something else");
await admin.write("New password", "something else again");
await admin.press("Change the password");
await admin.sees("password", ".fault");
say("refused", { focused: await admin.focused() });

// What somebody else does is said, in the list and in the incident.
await admin.press("Incidents", "link", "nav");
await admin.sees("Live", ".live");
const rosa = await Window.open("rosa");
await rosa.signIn("responder@example.com");
await rosa.press("Open an incident");
await rosa.write("Name", "Screens are blank");
await rosa.write("First update", "Here.");
await rosa.press("Open", "button", "dialog");
await rosa.sees("Screens are blank", "h1");
await admin.sees("Screens are blank: The incident was opened.", ".toasts");
say("opened by another", { told: await admin.announced("Screens are blank: The incident was opened.") });
await admin.press("Screens are blank", "link");
await admin.sees("Internal", "h2");
await admin.sees("(you)", ".people");
await rosa.write("What the public should know", "They are back.");
await rosa.press("Post update");
await admin.sees("They are back.", ".timeline");
say("posted by another", { told: await admin.announced("An update was posted.") });

// So it is while a dialog is open, outside of which nothing is read.
await admin.press("Change status");
await admin.page.waitForSelector("dialog :focus");
await rosa.press("Change impact");
await rosa.choose("Impact", "CRITICAL");
await rosa.press("Change", "button", "dialog");
await admin.sees("Critical", ".incident-head .impact");
say("changed beside a dialog", { told: await admin.announced("The impact was changed.") });
await admin.page.keyboard.press("Escape");

// An update that changes sides takes its button with it.
await admin.press("Hide from the public");
await admin.sees("They are back.", ".timeline.internal");
say("hidden", { focused: await admin.focused() });
const reader = await Window.open("reader");
await reader.go("/");
await reader.page.waitForSelector("#live.on");
// The page fetches itself again when it begins to follow, and may replace what has the focus.
await reader.page.waitForNetworkIdle();
await tour(reader, "public page");
await reader.page.focus("::-p-xpath(//article[starts-with(@id, 'i-')]//a[contains(., 'Screens are blank')])");
await rosa.write("What the public should know", "All is well.");
await rosa.press("Post update");
await reader.sees("All is well.", "main");
say("read", { told: await reader.announced(await reader.page.$eval("#said", (each) => each.textContent)), focused: await reader.focused() });
await admin.press("Resolve");
await admin.press("Resolve", "button", "dialog");
await reader.sees("Screens are blank", ".past");
say("moved to the past", { focused: await reader.focused() });

// An incident from its beginning to its end, by keys alone.
const keys = admin.page.keyboard;
await keyTo("Incidents", "Enter");
await admin.sees("Incidents", "h1");
await keyTo("Open an incident", "Enter");
await admin.page.waitForSelector("dialog :focus");
await keys.type("Only by keys");
await keyTo("Impact");
await keys.type("Major");
await keyTo("First update");
await keys.type("Nobody has a mouse.");
await keyTo("Open", "Enter");
await admin.sees("Only by keys", "h1");
await reader.sees("Only by keys", "main");
await keyTo("What the public should know");
await keys.type("A mouse was found.");
await keyTo("Post update", "Enter");
await reader.sees("A mouse was found.", "main");
await keyTo("Resolve", "Enter");
await admin.page.waitForSelector("dialog :focus");
await keys.type("All have one.");
await keyTo("Resolve", "Enter");
await reader.sees("All have one.", ".past");
await admin.sees("Resolved", ".incident-head .status");
say("by keys", { impact: await admin.text(".incident-head .impact"), updates: await admin.text(".timeline.public .body") });
await admin.press("Sign out");
await admin.sees("You are signed out.");
say("signed out", { focused: await admin.focused() });
say("done");
await close();

/** Press Tab until this has the focus, and then another key. */
async function keyTo(name, key = null) {
  for (let left = 200; !(await admin.focused()).endsWith(`: ${name}`); left -= 1) {
    if (left === 0) throw new Error(`Tab never comes to ${name}`);
    await keys.press("Tab");
  }
  if (key) await keys.press(key);
}
