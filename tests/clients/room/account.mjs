// A person withdraws a consent, and changes the password while signed in elsewhere too.
// Options: url, chromium, profile, password, pictures, email, next (the new password).
import { options, say } from "../session.mjs";
import { close, Window } from "./window.mjs";

const [here, elsewhere] = await Promise.all([Window.open("here"), Window.open("elsewhere")]);
await here.signIn(options.email);
await elsewhere.signIn(options.email);
await elsewhere.sees("Live", ".live");
await here.press("Account", "link");
await here.sees("Reporter", ".things strong");
say("consents", { scopes: await here.text("::-p-xpath(//li[.//strong[text()='Reporter']]//li)") });
await here.picture("account-consent");
await here.press("Withdraw");
await here.press("Withdraw", "button", ".confirm");
await here.sees("No application acts for you.");
say("withdrawn");

await here.write("Current password", "not my password");
await here.write("New password", options.next);
await here.press("Change the password");
await here.sees("password", ".fault");
say("refused", { fault: await here.text(".fault") });
await here.write("Current password", options.password);
await here.press("Change the password");
await here.sees("The password was changed. You are signed out everywhere else.");
await elsewhere.sees("Your session has ended", "form");
await elsewhere.write("E-mail", options.email);
await elsewhere.write("Password", options.password);
await elsewhere.press("Sign in");
await elsewhere.page.waitForSelector("form .fault");
say("old password", { fault: await elsewhere.text("form .fault") });
await here.go("/room/account");
await here.sees("This one", ".things .badge");
say("here", { sessions: await here.text(".things .badge") });
await elsewhere.write("Password", options.next);
await elsewhere.press("Sign in");
await elsewhere.sees("Incidents", "h1");
say("new password");
await close();
