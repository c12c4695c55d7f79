// The dialog that asks for another authentication: by what an operation demands, and by what the person has. The server's own
// fields ask for a recent sign-in only, so that the challenge of a class is put into their answers here.
// Options: url, chromium, profile, password, pictures.
import { options, say } from "../session.mjs";
import { code } from "./codes.mjs";
import { close, Window } from "./window.mjs";

const PASSKEY = "phr", TWO_FACTORS = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";
const window = await Window.open("milo");
const { page } = window;
let demanded = null, steppedUp = 0;
await page.setRequestInterception(true);
page.on("request", (request) => {
  if (request.url().endsWith("/api/auth/step-up")) steppedUp += 1;
  if (demanded === null || !request.postData()?.includes("beginPasskey")) return request.continue();
  const extensions = { code: "STEP_UP_REQUIRED", ...(demanded.length ? { acrValues: demanded } : { maxAge: 300 }) };
  demanded = null;
  return request.respond({
    headers: { "content-type": "application/json", "www-authenticate": 'Bearer error="insufficient_user_authentication"' },
    body: JSON.stringify({ data: { beginPasskey: null }, errors: [{ message: "Sign in again.", path: ["beginPasskey"], extensions }] }),
  });
});

/** Let the next passkey need an authentication of one of these classes, ask for it, and say what the dialog offers. */
async function ask(what, ...classes) {
  await page.bringToFront();
  await window.go("/room/account");
  await window.sees("Name of the new passkey");
  demanded = classes;
  await window.write("Name of the new passkey", "My laptop");
  await window.press("Add a passkey");
  await window.sees("This ", "dialog p");
  const [about] = await window.text("dialog p");
  const fields = await page.$$eval("dialog label", (all) => all.map((each) => each.textContent));
  say(what, { about, fields, buttons: (await window.buttons("dialog")).slice(1) });
}

await window.signIn("milo@example.com");
await window.go("/room/account");
await window.sees("by password", ".things p");
await ask("none of one", PASSKEY);
await window.picture("step-up-dialog-none");
await window.press("Open your account");
await page.waitForSelector("dialog", { hidden: true });
await ask("none of two", PASSKEY, TWO_FACTORS);
await ask("unknown class", "urn:example:gold");
await page.keyboard.press("Escape");
await page.waitForSelector("dialog", { hidden: true });
say("dismissed", { focused: await page.evaluate(() => document.activeElement.textContent) });
await ask("recent");
await window.device();
await window.write("Password", "wrong");
await window.press("Confirm", "button", "dialog");
await window.sees("not valid", "dialog .fault");
await window.write("Password", options.password);
await window.press("Confirm", "button", "dialog");
await window.sees("My laptop", ".things strong");
await ask("a passkey", PASSKEY);
await window.picture("step-up-dialog-passkey");
const before = steppedUp;
await window.press("Use a passkey", "button", "dialog");
await page.waitForSelector("dialog", { hidden: true });
say("by passkey", { steppedUp: steppedUp - before });

await window.go("/room/account");
await window.press("Remove");
await window.press("Cancel", "button", ".confirm");
const focused = [await page.evaluate(() => document.activeElement.textContent)];
await window.press("Set up codes");
const secret = await (await page.waitForSelector(".secret")).evaluate((each) => each.textContent.replaceAll(" ", ""));
focused.push(await page.evaluate(() => document.activeElement.textContent.slice(0, 17)));
await window.write("The code that it shows now", code(secret, 0));
await window.press("Require codes");
await window.sees("Keep these recovery codes.", ".notice");
focused.push(await page.evaluate(() => document.activeElement.textContent.slice(0, 26)));
say("focus", { focused });
await ask("a code", TWO_FACTORS);
await window.picture("step-up-dialog-code");
const last = steppedUp;
await window.write("Password", options.password);
await window.write("One-time code", code(secret, 1));
await window.press("Confirm", "button", "dialog");
await page.waitForSelector("dialog", { hidden: true });
say("by code", { steppedUp: steppedUp - last });
await close();
