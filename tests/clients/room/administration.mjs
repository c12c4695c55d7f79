// An admin: who is connected, ending a connection, another key, a client and its secrets, a client with a key, other roles. Then the
// person's own account: a second factor, a passkey of a device that the browser makes up, and a recovery code.
// Options: url, chromium, profile, password, pictures, member (an e-mail address).
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { options, say } from "../session.mjs";
import { code } from "./codes.mjs";
import { close, Window } from "./window.mjs";

const admin = await Window.open("admin");
const milo = await Window.open("milo");
await milo.signIn("milo@example.com");
await milo.sees("Live", ".live");
await admin.signIn("ada@example.com");
await admin.go("/room/admin/connections");
await admin.sees("Milo Member", "tbody th");
say("connections", { rows: await admin.text("tbody tr") });
await admin.picture("admin-connections-open");
const row = await admin.page.waitForSelector("::-p-xpath(//tr[th[normalize-space()='Milo Member']]//button)");
await row.press("Enter");
await admin.press("End", "button", ".confirm");
await milo.sees("an administrator ended this connection", ".live");
await milo.picture("connection-ended");
await milo.press("Connect again");
await milo.sees("Live", ".is-live");
say("connection ended");
await admin.go("/room/admin/keys");
await admin.press("Make a new key");
await admin.press("Make a new key", "button", ".confirm");
await admin.sees("Signs soon", ".badge");
say("key", { states: await admin.text("tbody .badge") });
await admin.picture("admin-keys-rotated");
await admin.go("/room/admin/clients");
await admin.press("Add a client");
await admin.write("Name", "Reporter");
await admin.press("Client credentials", "checkbox", "dialog");
await admin.write("Scopes", "incidents:read");
await admin.picture("client-dialog");
await admin.press("Add", "button", "dialog");
await admin.sees("Keep this secret.", ".notice");
await admin.picture("admin-clients-secret");
const [id] = await admin.text(".notice strong code");
const [first] = await admin.text(".secret");
await admin.press("Change");
await admin.write("Name", "Weekly reporter");
await admin.press("Save", "button", "dialog");
await admin.sees("Weekly reporter", ".things strong");
await admin.press("New secret");
await admin.press("New secret", "button", ".confirm");
await admin.sees("Remove", ".things li li");
const [second] = await admin.text(".secret");
const tokens = [await tokenBy(first), await tokenBy(second)];
await admin.press("Remove", "button", ".things li li:first-child");
await admin.press("Remove", "button", ".confirm");
await admin.seesNoMore("Secret made", ".things");
say("client", { tokens, after: [await tokenBy(first), await tokenBy(second)] });

// A client that proves itself by a key of its own.
const keys = [keyPair("first"), keyPair("second")];
await admin.press("Add a client");
await admin.write("Name", "Signer");
await admin.choose("It proves who it is by", "KEY");
await admin.press("Client credentials", "checkbox", "dialog");
await admin.write("Scopes", "incidents:read");
await admin.write("Public keys", "{ this is no JSON");
await admin.press("Add", "button", "dialog");
await admin.sees("The public keys are no JSON.", "dialog .fault");
await admin.write("Public keys", keys[0].jwks);
await admin.picture("client-key-dialog");
await admin.press("Add", "button", "dialog");
await admin.sees("Signer is", ".notice");
const [signer] = await admin.text(".notice strong code");
const before = [await tokenBySigning(signer, keys[0]), await tokenBySigning(signer, keys[1])];
await (await admin.page.waitForSelector("::-p-xpath(//li[.//strong[text()='Signer']]//button[text()='Change'])")).press("Enter");
await admin.write("Public keys", keys[1].jwks);
await admin.press("Save", "button", "dialog");
await admin.page.waitForSelector("dialog", { hidden: true });
say("signer", { secrets: await admin.text(".secret"), before, after: [await tokenBySigning(signer, keys[0]), await tokenBySigning(signer, keys[1])] });

await admin.go("/room/admin/members");
const roles = await admin.page.waitForSelector("::-p-xpath(//tr[th[normalize-space()='Milo Member']]//button[text()='Roles'])");
await roles.press("Enter");
await admin.sees("Roles of Milo Member", "dialog h2");
await admin.press("Responder", "checkbox", "dialog");
await admin.press("Save", "button", "dialog");
await admin.page.waitForSelector("::-p-xpath(//tr[th[normalize-space()='Milo Member']]//span[text()='Responder'])");
await admin.go("/room/admin/audit");
await admin.sees("Connection ended", "tbody th");
await admin.sees("Ada Admin", "tbody td:nth-child(3)");
say("audit", {
  actions: await admin.text("tbody th"),
  accounts: await admin.text("tbody td:nth-child(3)"),
  roles: await admin.page.$$eval("tbody tr", (all) => all.filter((each) => each.textContent.includes("Roles changed")).map((each) => [...each.querySelectorAll("td")].slice(1, 3).map((cell) => cell.innerText))),
  by: await admin.text("tbody td:nth-child(4)"),
  lines: await admin.page.$$eval("tbody time", (all) => Math.max(...all.map((each) => each.getClientRects().length))),
});

const CODE = /^[0-9]{6}$/;
await admin.press("Account", "link");
await admin.press("Set up codes");
const secret = await (await admin.page.waitForSelector(".secret")).evaluate((each) => each.textContent.replaceAll(" ", ""));
await admin.picture("account-codes");
// The three marks by which scanners find the code: seven dark modules, then a light one.
say("qr code", await admin.page.$eval(".qr", (picture) => {
  const dark = new Set(picture.querySelector("path").getAttribute("d").match(/M\d+ \d+/g));
  const size = picture.viewBox.baseVal.width - 8;
  const isMark = (column, row, next) => [0, 1, 2, 3, 4, 5, 6].every((each) => dark.has(`M${column + each} ${row}`)) && !dark.has(`M${next} ${row}`);
  return { size, marks: [isMark(0, 0, 7), isMark(size - 7, 0, size - 8), isMark(0, size - 1, 7)] };
}));
await admin.write("The code that it shows now", code(secret, 0));
await admin.press("Require codes");
await admin.sees("Keep these recovery codes.", ".notice");
const recovery = await admin.text(".codes li");
const lines = await admin.page.$$eval(".codes code", (all) => Math.max(...all.map((each) => each.getClientRects().length)));
say("codes", { recovery: recovery.length, lines, isCode: CODE.test(code(secret, 0)) });
await admin.device();
await admin.write("Name of the new passkey", "My laptop");
await admin.press("Add a passkey");
await admin.sees("My laptop", ".things strong");
await admin.picture("account-passkey");
await admin.press("Sign out");
await admin.sees("You are signed out.", "form");
await admin.press("Use a passkey");
await admin.sees("Account", "h1");
say("passkey");
await admin.press("Sign out");
await admin.write("E-mail", "ada@example.com");
await admin.write("Password", options.password);
await admin.press("Sign in");
await admin.sees("One-time code", "dialog h2");
await admin.picture("code-dialog");
await admin.write("Code", code(secret, 1));
await admin.press("Continue");
await admin.sees("Account", "h1");
say("second factor");
// The phone is lost: a recovery code signs in, once.
await admin.press("Sign out");
await signInBy(recovery[0]);
await admin.sees("Account", "h1");
await admin.sees("9", ".panel p");
say("recovery code", { said: (await admin.text(".panel")).find((each) => each.includes("recovery codes")) });
await admin.press("Sign out");
await signInBy(recovery[0]);
await admin.sees("do not fit", ".fault");
say("used recovery code");
await close();

/** Sign in by the password and a code. */
async function signInBy(given) {
  await admin.write("E-mail", "ada@example.com");
  await admin.write("Password", options.password);
  await admin.press("Sign in");
  await admin.write("Code", given);
  await admin.press("Continue");
}

/** A key pair (ES256), and the set of its public key as a client registers it. */
function keyPair(kid) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "ES256" };
  return { kid, privateKey, jwks: JSON.stringify({ keys: [jwk] }) };
}

/** The status of a request for a token with an assertion of a client's key (RFC 7523, section 2.2). */
async function tokenBySigning(client, { kid, privateKey }) {
  const { issuer, token_endpoint: endpoint } = await (await fetch(`${options.url}/.well-known/oauth-authorization-server`)).json();
  const now = Math.floor(Date.now() / 1_000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: client, sub: client, aud: issuer, iat: now, exp: now + 60, jti: randomUUID() };
  const signed = `${part({ alg: "ES256", kid })}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
  const body = new URLSearchParams({
    grant_type: "client_credentials",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: `${signed}.${signature}`,
  });
  return (await fetch(endpoint, { method: "POST", body })).status;
}

/** The status of a request for a token with a secret of the client. */
async function tokenBy(secret) {
  const metadata = await (await fetch(`${options.url}/.well-known/oauth-authorization-server`)).json();
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  return (await fetch(metadata.token_endpoint, { method: "POST", headers: { authorization }, body })).status;
}
