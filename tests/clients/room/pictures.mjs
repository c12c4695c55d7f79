// Shows each page of the room to an admin, to a responder and to a viewer, and writes pictures of it.
// Options: url, chromium, profile, password, pictures (a folder).
import { say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const admin = await Window.open("admin");
await admin.go();
await admin.sees("Sign in", "button");
await admin.picture("sign-in");
await admin.signIn("admin@example.com");
await admin.sees("Checkout fails", "h3");
await admin.picture("incidents");
await admin.press("Open an incident");
await admin.sees("Affected components", "legend");
await admin.sees("Webhooks", "label");
await admin.picture("open-dialog");
await admin.page.keyboard.press("Escape");
await admin.press("Checkout fails for some customers", "link");
await admin.sees("Internal", "h2");
await admin.sees("(you)", ".people");
await admin.picture("incident");
await admin.press("Change status");
await admin.picture("status-dialog");
await admin.page.keyboard.press("Escape");
await admin.press("Account", "link");
await admin.sees("Sessions", "h2");
await admin.sees("This one", ".badge");
await admin.picture("account");
for (const [part, title] of [["members", "Members"], ["connections", "Live connections"], ["clients", "Clients"], ["keys", "Signing keys"], ["audit", "Audit log"]]) {
  await admin.go(`/room/admin/${part}`);
  await admin.sees(title, "h2");
  await admin.seesNoMore("Loading …");
  await admin.picture(`admin-${part}`);
}
const viewer = await Window.open("viewer");
await viewer.signIn("viewer@example.com");
await viewer.press("Checkout fails for some customers", "link");
await viewer.sees("Public", "h2");
await viewer.picture("incident-of-a-viewer");
say("done");
await close();
