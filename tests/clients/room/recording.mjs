// The first minute with the incident room: the public page beside the room, and an update that arrives. Options: url,
// chromium, profile, email, password, frames (a folder for pictures; without it none is taken). It says at the end how many
// times something was pressed and filled in, and how many milliseconds that took in the browser, without the pictures.
import { join } from "node:path";
import { options, say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const INCIDENT = "Checkout fails for some customers";
const UPDATE = "Payments go through the second provider now.";
const reader = await Window.open("the public");
const rosa = await Window.open("a responder");
let number = 0, presses = 0, fields = 0, away = 0;

/** Take a picture of both windows, which is shown for so many milliseconds. */
async function show(milliseconds) {
  if (!options.frames) return;
  const began = performance.now();
  number += 1;
  for (const [side, { page }] of [["left", reader], ["right", rosa]]) {
    await page.screenshot({ path: join(options.frames, `${String(number).padStart(2, "0")}-${side}.png`) });
  }
  say("frame", { milliseconds });
  away += performance.now() - began;
}

async function press(name, role) {
  presses += 1;
  await rosa.press(name, role);
}

async function write(label, text) {
  fields += 1;
  await rosa.write(label, text);
}

for (const { page } of [reader, rosa]) await page.setViewport({ width: 620, height: 720 });
const began = performance.now();
await reader.go("/");
await reader.sees(INCIDENT);
await reader.sees("Live", "#live");
await rosa.go();
await rosa.sees("Use a passkey");
await show(1_500);
await write("E-mail", options.email);
await show(600);
await write("Password", options.password);
await show(600);
await press("Sign in");
await rosa.sees(INCIDENT);
await rosa.sees("Live", ".live");
await rosa.seesNoMore("Loading");
await show(1_200);
await press(INCIDENT, "link");
await rosa.sees("Our card provider", ".timeline.public");
await show(1_200);
await write("What the public should know", UPDATE);
await rosa.page.$eval("textarea", (each) => each.scrollIntoView({ block: "center" }));
await show(1_000);
fields += 1;
await rosa.choose("Status", "MONITORING");
await show(1_000);
await press("Post update");
await reader.sees(UPDATE);
await rosa.sees(UPDATE, ".timeline.public");
await rosa.page.evaluate(() => scrollTo(0, 0));
await show(2_500);
await reader.sees("Monitoring", "#now .update:first-child");
const took = performance.now() - began - away;
await show(1_500);
await close();
say("done", { milliseconds: took, presses, fields });
