// A person ends other sessions, and changes the factors of the account, each after a while, so that the server asks for a recent
// sign-in first. Then an app with watchword-client does so. The test moves the clock, and tells the one-time codes.
// Options: url, chromium, profile, password, pictures, email, package (the text of watchword-client).
import { options, say, told } from "../session.mjs";
import { close, Window } from "./window.mjs";

const [here, second, third, app] = await Promise.all(["here", "second", "third", "app"].map((name) => Window.open(name)));
for (const each of [second, third, here]) await each.signIn(options.email);
await here.device();
await here.press("Account", "link");
await here.write("Name of the new passkey", "My phone");
await here.press("Add a passkey");
await here.sees("My phone", ".things strong");

// One session of the others ends, and then all of them.
const others = [second, third], ends = others.map((each) => each.sees("Your session has ended", "form"));
await (await here.page.waitForSelector("::-p-xpath(//button[text()='End'])")).press("Enter");
await here.press("End", "button", ".confirm");
await Promise.any(ends);
const left = await Promise.all(others.map((each) => each.text("h1")));
await told("ended one", { left: left.flat().sort() });
await here.page.reload();
await here.press("End all others");
await here.press("End all others", "button", ".confirm");
await Promise.all(ends);
await told("ended all");

// Codes are set up, by the passkey.
await told("later");
await asked("Set up codes", "");
await here.press("Use a passkey", "button", "dialog");
const secret = await (await here.page.waitForSelector(".secret")).evaluate((each) => each.textContent.replaceAll(" ", ""));
const { otp } = await told("enrolling", { secret });
await here.write("The code that it shows now", otp);
await here.press("Require codes");
await here.sees("Keep these recovery codes.", ".notice");
const recovery = await here.text(".codes li");
await told("codes", { recovery });

// New recovery codes, by the password and a one-time code.
await told("later");
await asked("New recovery codes");
await confirmed((await told("code")).otp);
await here.page.waitForFunction((old) => !document.querySelector(".codes").innerText.includes(old), {}, recovery[0]);
const renewed = await here.text(".codes li");
await here.check("recovery codes");
await told("new codes", { recovery: renewed });

// The passkey goes, by the password and a recovery code.
await told("later");
await asked("Remove");
await confirmed(renewed[0]);
await here.sees("You have none yet.");
await told("passkey removed");

await told("later");
await asked("Turn off");
say("ways", { buttons: (await here.buttons("dialog")).slice(1) });
await confirmed((await told("code")).otp);
await here.sees("Not required.");
await told("codes off");

// An app of somebody else's, with the npm package: each way to authenticate again, by its callback.
await app.device();
await app.go("/");
await app.page.evaluate(options.package);
await app.page.evaluate(async (credentials) => {
  const { createSession, WatchwordError } = watchword, heard = [];
  const session = createSession({ onStepUp: (need, by) => globalThis.answer(by), onSecondFactor: () => ({ otp: globalThis.otp }) });
  session.on("mustStepUp", (need) => heard.push(need));
  await session.signIn(credentials);
  /** Run a mutation, and return its data or its error's code, and which demands were heard meanwhile. */
  const run = async (work, answer) => {
    globalThis.answer = answer;
    const data = await work().catch((error) => error instanceof WatchwordError && error.code);
    return { data, heard: heard.splice(0) };
  };
  Object.assign(globalThis, { session, run });
}, { email: options.email, password: options.password });
const begin = () => app.page.evaluate((password) => run(() => session.query("mutation { beginTotp { secret } }"), () => ({ password })), options.password);
say("recent", await begin());
await told("later");
say("nothing given", await app.page.evaluate(() => run(() => session.query("mutation { beginTotp { secret } }"), () => null)));
const byPassword = await begin();
const first = await told("by password", byPassword);
await app.page.evaluate((otp) => session.query("mutation ($otp: String!) { confirmTotp(otp: $otp) }", { otp }), first.otp);
await told("later");
const given = { password: options.password, ...(await told("code")) };
say("by code", await app.page.evaluate((again) => run(() => watchword.addPasskey(session, "of the app"), () => again), given));
await told("later");
const byPasskey = (session) => watchword.stepUpWithPasskey(session).then(() => true);
say("by passkey", await app.page.evaluate(`run(() => session.query("mutation { makeRecoveryCodes }"), ${byPasskey})`));
await close();

/** Press a button, and the same one in its question, until the dialog asks for a recent sign-in. */
async function asked(name, within = ".confirm") {
  await here.press(name);
  if (within) await here.press(name, "button", within);
  await here.sees("This needs a recent sign-in.", "dialog");
  await here.check(`step-up for ${name}`);
}

/** Answer the dialog by the password and a code. */
async function confirmed(code) {
  await here.write("Password", options.password);
  await here.write("One-time code", code);
  await here.press("Confirm", "button", "dialog");
  await here.page.waitForSelector("dialog", { hidden: true });
}
