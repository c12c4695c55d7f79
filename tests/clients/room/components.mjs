// A responder registers a component and says how it is, outside of any incident; a commander and the public see it at once, and a
// viewer is offered nothing.
// Options: url, chromium, profile, password, pictures (a folder).
import { say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const NAME = "Gift cards";
const [rosa, carl, vera, reader] = await Promise.all(["rosa", "carl", "vera", "reader"].map((name) => Window.open(name)));
await rosa.signIn("responder@example.com");
await carl.signIn("commander@example.com");
await vera.signIn("viewer@example.com");
say("links", { viewer: await vera.text(".top nav a"), responder: await rosa.text(".top nav a") });
await vera.go("/room/components");
await vera.sees("There is nothing here for you.");
await reader.go("/");

for (const each of [rosa, carl]) {
  await each.press("Components", "link");
  await each.sees("Card payments", ".things strong");
  await each.sees("Live", ".live");
}
await rosa.picture("components");
await rosa.press("Register a component");
await rosa.write("Name", NAME);
await rosa.write("Group", "Payments", "combobox");
await rosa.write("Description", "Selling and redeeming them.");
await rosa.picture("component-dialog");
await rosa.press("Register", "button", "dialog");
await rosa.sees("Selling and redeeming them.", ".things");
await carl.sees(NAME, ".things strong");

// Both open the dialog on the same version: the second is asked, keeps theirs, and then sends hers.
for (const [status, shown, choice] of [["PARTIAL_OUTAGE", "Partial outage", "Keep theirs"], ["MAJOR_OUTAGE", "Major outage", "Send mine anyway"]]) {
  await rosa.press(`Change status of ${NAME}`);
  await rosa.sees(`Status of ${NAME}`, "dialog h2");
  await carl.press(`Change status of ${NAME}`);
  await carl.choose("Status", status);
  await carl.press("Change", "button", "dialog");
  await rosa.sees(shown, ".things li:last-child .badge");
  await rosa.choose("Status", "DEGRADED_PERFORMANCE");
  await rosa.press("Change", "button", "dialog");
  await rosa.sees("Somebody was faster", "dialog h2");
  say("conflict", { versus: await rosa.text(".versus p.body, .versus li"), about: await rosa.text("dialog > p") });
  await rosa.press(choice, "button", "dialog");
  await rosa.page.waitForFunction(() => document.querySelector("dialog") === null);
}
await reader.go("/");
await reader.sees(NAME);
await carl.sees("Degraded performance", ".things li:last-child .badge");
await reader.sees("Degraded", "main");
say("done");
await close();
