// A responder, a commander and a viewer at one incident, each in a window: what one does, the others see.
// Options: url, chromium, profile, password, pictures (a folder), proxy (the responder's way to the server). After "cut" and
// "said meanwhile" it waits for a line on stdin: the proxy has been cut, or lets connections through again.
import { createInterface } from "node:readline";
import { options, say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const NAME = "Parcels are not tracked";
const input = createInterface({ input: process.stdin }), lines = input[Symbol.asyncIterator]();
const [rosa, carl, vera] = await Promise.all([Window.open("rosa", options.proxy), Window.open("carl"), Window.open("vera")]);
await rosa.signIn("responder@example.com");
await carl.signIn("commander@example.com");
await vera.signIn("viewer@example.com");
await Promise.all([carl, vera].map((each) => each.sees("Live", ".live")));

await rosa.press("Open an incident");
await rosa.write("Name", NAME);
await rosa.write("First update", "Tracking pages stay empty.");
await rosa.press("Open", "button", "dialog");
await rosa.sees(NAME, "h1");
for (const each of [carl, vera]) {
  await each.press(NAME, "link");
  await each.sees("Tracking pages stay empty.", ".timeline");
}
say("opened", { path: await rosa.page.evaluate(() => location.pathname) });

await rosa.sees("Carl Commander", ".people");
await carl.sees("Rosa Responder", ".people");
say("together", { rosa: await rosa.text(".people li"), carl: await carl.text(".people li") });

await rosa.write("What the public should know", "We found the queue that stands still.");
await rosa.choose("Status", "IDENTIFIED");
const goOn = await rosa.hold("We found the queue");
await rosa.press("Post update");
// She writes the next one before the server has answered.
await rosa.page.evaluate(() => document.querySelectorAll(".switch input")[1].click());
await rosa.write("What responders should know", "Do not restart broker 7.");
await goOn();
for (const each of [carl, vera]) await each.sees("We found the queue that stands still.", ".timeline.public");
await carl.sees("Identified", ".incident-head .status");
await rosa.press("Add note");
await carl.sees("Do not restart broker 7.", ".timeline.internal");
await carl.press("Change impact");
await carl.choose("Impact", "CRITICAL");
await carl.press("Change", "button", "dialog");
for (const each of [rosa, vera]) await each.sees("Critical", ".incident-head .impact");
await carl.press("Assign commander");
await carl.page.waitForSelector("dialog select option:nth-child(3)");
await carl.page.waitForSelector("dialog select:focus");
const chosen = await carl.page.$$eval("dialog option", (all) => all.find((each) => each.textContent === "Carl Commander").value);
await carl.choose("Commander", chosen);
await carl.press("Assign", "button", "dialog");
await rosa.sees("Carl Commander", "#commander");
say("changed", {
  responder: await rosa.buttons(".toolbar"),
  commander: await carl.buttons(".toolbar"),
  viewer: await vera.buttons(),
  internal: await vera.text(".internal"),
});

// Both change what they both see: the second is asked.
await rosa.page.evaluate(() => document.querySelectorAll(".switch input")[0].click());
await rosa.write("What the public should know", "The queue moves again.");
await carl.press("Change status");
await carl.choose("Status", "MONITORING");
await carl.write("What the public should know", "We restarted the queue.");
await carl.press("Change", "button", "dialog");
await rosa.sees("We restarted the queue.", ".timeline.public");
await rosa.press("Post update");
await rosa.sees("Somebody was faster", "dialog h2");
say("focused", { on: await rosa.page.evaluate(() => document.activeElement.textContent.trim()) });
await rosa.picture("conflict-dialog");
say("conflict", { yours: await rosa.text(".versus section:first-child"), theirs: await rosa.text(".versus section:last-child") });
await rosa.press("Send mine anyway");
await carl.sees("The queue moves again.", ".timeline.public");

// A cut: what happens meanwhile is there once, when the network is back.
const posts = ["Said while the line was cut.", "Said a little later."];
say("cut");
await lines.next();
await rosa.sees("Reconnecting …", ".live");
for (const text of posts) {
  await carl.write("What the public should know", text);
  await carl.press("Post update");
  await vera.sees(text, ".timeline.public");
}
say("said meanwhile", { rosa: await rosa.text(".timeline.public .body") });
await lines.next();
input.close();
await rosa.page.evaluate(() => dispatchEvent(new Event("online")));
await rosa.sees("Live", ".live");
await rosa.sees(posts.at(-1), ".timeline.public");
say("came back", { rosa: await rosa.text(".timeline.public .body") });

await carl.press("Resolve");
await carl.press("Resolve", "button", "dialog");
for (const each of [rosa, vera]) await each.sees("Resolved", ".incident-head .status");
say("resolved", { responder: await rosa.buttons(".toolbar") });

// Another window of the same person ends the session of the first.
const other = await Window.open("rosa, elsewhere");
await other.signIn("responder@example.com");
await other.press("Account", "link");
await other.press("End");
await other.page.waitForSelector(".confirm");
await other.press("End", "button", ".confirm");
await rosa.sees("Your session has ended", "form");
say("ended", { other: await other.text(".things .badge") });
await close();
