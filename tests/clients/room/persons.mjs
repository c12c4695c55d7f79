// One window: the server is away at the start, then somebody else signs in by another tab, then a sign-out fails.
// Options: url, chromium, profile, password.
import { options, say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const window = await Window.open("vera");
const { page } = window;
await window.signIn("viewer@example.com");
await window.go("/room/%E0%A4");
await window.sees("There is no such page.");
say("no such page");

let isAway = true;
await page.setRequestInterception(true);
page.on("request", (request) => {
  const isAsked = isAway && request.url().endsWith("/graphql");
  if (isAsked) say("refused");
  return isAsked ? request.abort() : request.continue();
});
const refused = page.waitForRequest((request) => request.url().endsWith("/graphql"));
await window.go("/room/account");
await refused;
isAway = false;
await window.sees("Vera Viewer", ".who");
say("came in late");

await window.press("Set up codes");
await page.waitForSelector(".secret");
say("secret");
// Another tab has signed in as Rosa: the cookie is hers, and the tab tells of it.
await page.evaluate(async (password) => {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ email: "responder@example.com", password });
  const root = new URL("./", location.origin).href.replace(/\/$/, "");
  const answer = await fetch(`${root}/api/auth/login`, { method: "POST", headers, body });
  if (!answer.ok) throw new Error(`${answer.status}`);
  new BroadcastChannel(`watchword ${root}`).postMessage({ type: "signedIn", sid: "of another session" });
}, options.password);
await window.sees("Rosa Responder", ".who");
if (await page.$(".secret")) throw new Error("the secret of Vera is shown to Rosa");
say("somebody else");

await page.setOfflineMode(true);
await window.press("Sign out");
await window.sees("could not be told", "form");
say("untold");
await page.setOfflineMode(false);
await window.press("Sign out again");
await window.sees("You are signed out.", "form");
await window.go();
await window.sees("Sign in to respond", "form");
say("out");
await close();
