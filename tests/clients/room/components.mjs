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

// Both open the dialog on the same version: the second is told.
await rosa.press(`Change status of ${NAME}`);
await rosa.sees(`Status of ${NAME}`, "dialog h2");
await carl.press(`Change status of ${NAME}`);
await carl.choose("Status", "PARTIAL_OUTAGE");
await carl.press("Change", "button", "dialog");
await rosa.sees("Partial outage", ".things li:last-child .badge");
await reader.go("/");
await reader.sees(NAME);
await rosa.choose("Status", "DEGRADED_PERFORMANCE");
await rosa.press("Change", "button", "dialog");
await rosa.sees("changed", "dialog .fault");
say("conflict", { fault: await rosa.text("dialog .fault") });
await rosa.page.keyboard.press("Escape");
await rosa.press(`Change status of ${NAME}`);
await rosa.choose("Status", "DEGRADED_PERFORMANCE");
await rosa.press("Change", "button", "dialog");
await carl.sees("Degraded performance", ".things li:last-child .badge");
await reader.sees("Degraded", "main");
say("done");
await close();
