// The first minute with the incident room, in pictures: the public page beside the room, and an update that arrives.
// Options: url, chromium, profile, password, frames (a folder).
import { join } from "node:path";
import { options, say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const INCIDENT = "Checkout fails for some customers";
const UPDATE = "Payments go through the second provider now.";
const reader = await Window.open("the public");
const rosa = await Window.open("a responder");
let number = 0;

/** Take a picture of both windows, which is shown for so many milliseconds. */
async function show(milliseconds) {
  number += 1;
  for (const [side, { page }] of [["left", reader], ["right", rosa]]) {
    await page.screenshot({ path: join(options.frames, `${String(number).padStart(2, "0")}-${side}.png`) });
  }
  say("frame", { milliseconds });
}

for (const { page } of [reader, rosa]) await page.setViewport({ width: 620, height: 720 });
await reader.go("/");
await reader.sees(INCIDENT);
await rosa.go();
await show(1_500);
await rosa.write("E-mail", "responder@example.com");
await rosa.write("Password", options.password);
await show(900);
await rosa.press("Sign in");
await rosa.sees(INCIDENT);
await rosa.sees("Live", ".live");
await show(1_200);
await rosa.press(INCIDENT, "link");
await rosa.sees("Our card provider", ".timeline.public");
await show(1_200);
await rosa.write("What the public should know", UPDATE);
await rosa.choose("Status", "MONITORING");
await rosa.page.$eval("textarea", (each) => each.scrollIntoView({ block: "center" }));
await show(1_200);
await rosa.press("Post update");
await reader.sees(UPDATE);
await rosa.sees(UPDATE, ".timeline.public");
await rosa.page.evaluate(() => scrollTo(0, 0));
await show(3_500);
await close();
