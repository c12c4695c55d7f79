// The room at a server that requires bound tokens, beside a reader of the public page, who signs in nowhere.
// Options: url, chromium, profile, password, pictures.
import { say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const NAME = "Letters are late";
const reader = await Window.open("reader"), ada = await Window.open("ada");
const seen = { scripts: [], schemes: new Set() };
for (const { page } of [reader, ada]) {
  page.on("request", (request) => {
    const { authorization } = request.headers();
    if (authorization) seen.schemes.add(authorization.split(" ")[0]);
    if (request.url().includes("/assets/dpop.")) seen.scripts.push(page === ada.page ? "room" : "public page");
  });
}
await reader.go("/");
await reader.page.waitForSelector("#live.on");
await ada.signIn("admin@example.com");
await ada.sees("Live", ".live");
await ada.press("Open an incident");
await ada.write("Name", NAME);
await ada.write("First update", "The van has stopped.");
await ada.press("Open", "button", "dialog");
await ada.sees(NAME, "h1");
await reader.sees(NAME);
// A page below /room, whose relative addresses are others, is loaded again.
await ada.page.reload();
await ada.sees(NAME, "h1");
await ada.sees("(you)", ".people");
say("shown", { scripts: seen.scripts, schemes: [...seen.schemes] });

await ada.device();
await ada.press("Account", "link");
await ada.write("Name of the new passkey", "My laptop");
await ada.press("Add a passkey");
await ada.sees("My laptop", ".things strong");
await ada.press("Sign out");
await ada.press("Use a passkey");
await ada.sees("Account", "h1");
await ada.sees("by passkey", ".things p");
say("by passkey");
await close();
