// A native application that a person lets act for it: oauth4webapi (a stock client), a loopback redirect, and the
// consent page in a real browser. Options: chromium, profile, client (its id), scope, query (a document),
// colours, screenshots (a folder that may be left out), dpop (bind the tokens, and do no more
// than get one), recovery (a code: sign in with it, and with a passkey, and do no more).
import { createServer } from "node:http";
import { once } from "node:events";
import * as oauth from "oauth4webapi";
import puppeteer from "puppeteer-core";
import { endpoint, options, say, signIn as signInElsewhere } from "./session.mjs";

const INSECURE = { [oauth.allowInsecureRequests]: true };
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const client = { client_id: options.client };
const authentication = oauth.None();
const issuer = new URL(options.url);
const DPoP = options.dpop && oauth.DPoP(client, await oauth.generateKeyPair("ES256"));

const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...INSECURE });
const server = await oauth.processDiscoveryResponse(issuer, found);
say("discovered", { methods: server.code_challenge_methods_supported });

// --- Where the application listens ---

const listener = createServer((request, response) => {
  response.end("You can go back to the application.");
  if (request.url.startsWith("/callback?")) listener.emit("answer", request.url);
});
listener.listen(0, "127.0.0.1");
await once(listener, "listening");
const redirectUri = `http://127.0.0.1:${listener.address().port}/callback`;

/** Begin a flow: the URL that the person is sent to, and what is kept until it comes back. */
async function begin(more = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint);
  const asked = {
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirectUri,
    scope: options.scope,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...more,
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  return { url: url.href, verifier, state };
}

// --- The person and its browser ---

const browser = await puppeteer.launch({
  executablePath: options.chromium,
  userDataDir: options.profile,
  headless: true,
  args: FLAGS,
  defaultViewport: { width: 900, height: 800 },
});

async function open(url) {
  const page = await browser.newPage();
  const scheme = options.colours ?? "light";
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  page.on("pageerror", (error) => say("complaint", { text: error.message }));
  page.on("console", (message) => {
    if (message.type() === "error") say("complaint", { text: message.text() });
  });
  page.on("request", (request) => {
    const isOurs = [options.url, new URL(redirectUri).origin, "data:"].some((start) => request.url().startsWith(start));
    if (!isOurs) say("complaint", { text: `foreign request: ${request.url()}` });
  });
  await page.goto(url);
  return page;
}

async function picture(page, name) {
  if (!options.screenshots) return;
  for (const width of [900, 360]) {
    await page.setViewport({ width, height: 800 });
    const path = `${options.screenshots}/authorize-${name}-${options.colours ?? "light"}-${width}.png`;
    await page.screenshot({ path, fullPage: true });
  }
  await page.setViewport({ width: 900, height: 800 });
}

/** By keyboard alone: the field for the e-mail address has the focus. */
async function signIn(page, password) {
  await page.waitForSelector("#sign-in:not([hidden])");
  await page.waitForFunction(() => document.activeElement?.name === "email");
  await page.keyboard.type(options.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
}

/** The password's field has the focus then, and is empty. */
async function signInAgain(page) {
  const alert = await page.waitForSelector('#sign-in [role="alert"]:not([hidden])');
  say("sign-in refused", { text: await alert.evaluate((shown) => shown.textContent) });
  await picture(page, "sign-in");
  await page.waitForFunction(() => document.activeElement?.name === "password");
  await page.keyboard.type(options.password);
  await page.keyboard.press("Enter");
}

const READY = "#consent:not([hidden]) button[type=submit]:not(:disabled)";

async function asked(page) {
  await page.waitForSelector("#consent:not([hidden])");
  const settling = await page.$eval("#consent button[type=submit]", (button) => button.disabled);
  await page.waitForSelector(READY);
  await picture(page, "consent");
  say("asked", {
    settling,
    title: await page.title(),
    heading: await page.evaluate(() => document.activeElement.textContent),
    account: await page.$eval("#account", (shown) => shown.textContent),
    scopes: await page.$$eval("#scopes li", (items) => items.map((item) => item.textContent)),
    stored: await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage })),
  });
}

/** From the question, past the other account. */
async function allow(page) {
  for (const key of ["Tab", "Tab", "Enter"]) await page.keyboard.press(key);
}

async function answered(press) {
  const [[url]] = await Promise.all([once(listener, "answer"), press()]);
  return new URL(url, redirectUri);
}

// --- The application ---

async function tokens(flow, answer) {
  const parameters = oauth.validateAuthResponse(server, client, answer, flow.state);
  const response = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, redirectUri, flow.verifier, { ...INSECURE, DPoP },
  );
  return oauth.processAuthorizationCodeResponse(server, client, response);
}

/** Ask again with the nonce that the server wants to see, once. */
async function withNonce(call) {
  return call().catch((error) => {
    if (oauth.isDPoPNonceError(error)) return call();
    throw error;
  });
}

async function askBound(token, query) {
  const body = JSON.stringify({ query });
  const headers = new Headers({ "content-type": "application/json" });
  const request = () =>
    oauth.protectedResourceRequest(token, "POST", new URL(endpoint), headers, body, { ...INSECURE, DPoP });
  const response = await withNonce(request);
  return { status: response.status, answer: await response.json() };
}

async function refreshed(token) {
  const response = await oauth.refreshTokenGrantRequest(server, client, authentication, token, INSECURE);
  return oauth.processRefreshTokenResponse(server, client, response);
}

async function ask(token, query) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, answer: await response.json() };
}

/** What the person does in our own front end: it has an access token of its own there. */
async function withdraw() {
  const { access_token: own } = await signInElsewhere();
  const document = `mutation { withdrawConsent(client: "${client.client_id}") { name } }`;
  say("own consents", await ask(own, "{ consents { client scopes { name } } }"));
  say("withdraws", await ask(own, document));
}

/** Revocations travel: within a second at the latest they are everywhere. */
async function untilRefused(token) {
  const start = performance.now();
  for (;;) {
    const { status, answer } = await ask(token, options.query);
    const code = answer.errors?.[0].extensions.code;
    if (status !== 200 || performance.now() - start > 5000) {
      return { status, code, milliseconds: performance.now() - start };
    }
  }
}

async function refusal(promise) {
  const error = await promise.then(() => null, (reason) => reason);
  return { error: error?.error ?? null, name: error?.constructor.name ?? null };
}

async function denied() {
  const flow = await begin();
  const page = await open(flow.url);
  await signIn(page, `${options.password}?`);
  await signInAgain(page);
  await asked(page);
  const answer = await answered(() => page.click("#consent .deny"));
  say("denied", await refusal(tokens(flow, answer)));
  await page.close();
}

async function allowed() {
  const flow = await begin();
  // Signed in by now: nothing but the decision is asked, and the focus is on the question.
  const page = await open(flow.url);
  await asked(page);
  const answer = await answered(() => allow(page));
  const got = await tokens(flow, answer);
  say("allowed", { scope: got.scope, type: got.token_type, lasts: got.expires_in });
  await page.close();
  return { flow, answer, got };
}

/** Where every token is bound, the page's own is bound to a key of its own. */
async function bound() {
  const flow = await begin({ dpop_jkt: await DPoP.calculateThumbprint() });
  const page = await open(flow.url);
  await signIn(page, options.password);
  await asked(page);
  const answer = await answered(() => allow(page));
  const got = await withNonce(() => tokens(flow, answer));
  say("allowed", { scope: got.scope, type: got.token_type, lasts: got.expires_in });
  say("answer", await askBound(got.access_token, options.query));
  say("stolen", await ask(got.access_token, options.query));
}

/** What a front end does to register a passkey, in the page of whoever is signed in. */
async function registerPasskey() {
  const post = async (path, body, more) => {
    const headers = { "content-type": "application/json", ...more };
    return (await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
  };
  const { access_token } = await post("/api/auth/refresh", {});
  const graphql = async (query, variables) =>
    (await post("/graphql", { query, variables }, { authorization: `Bearer ${access_token}` })).data;
  const { beginPasskey } = await graphql("mutation { beginPasskey }");
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(beginPasskey);
  const credential = (await navigator.credentials.create({ publicKey })).toJSON();
  const add = "mutation ($made: JSON!) { addPasskey(name: \"phone\", credential: $made) { id } }";
  return (await graphql(add, { made: credential })).addPasskey.id;
}

async function factors() {
  const page = await open((await begin()).url);
  await signIn(page, options.password);
  await page.waitForFunction(() => document.activeElement?.name === "code");
  await picture(page, "code");
  await page.keyboard.type("000 000");
  await page.keyboard.press("Enter");
  const alert = await page.waitForSelector('#sign-in [role="alert"]:not([hidden])');
  say("code refused", { text: await alert.evaluate((shown) => shown.textContent) });
  await page.waitForFunction(() => document.activeElement?.name === "code");
  await page.keyboard.type(options.recovery);
  await page.keyboard.press("Enter");
  await asked(page);

  const session = await page.createCDPSession();
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await page.evaluate(registerPasskey);
  // Signed in already, and asked to sign in all the same.
  await page.goto((await begin({ prompt: "login" })).url);
  await page.waitForSelector("#sign-in:not([hidden])");
  await page.click("#passkey");
  await asked(page);
}

async function anotherAccount() {
  const page = await open((await begin({ prompt: "consent" })).url);
  await page.waitForSelector(READY);
  await page.click("#other");
  await page.waitForSelector("#sign-in:not([hidden])");
  say("other account", { cookies: (await browser.cookies()).map((cookie) => cookie.name) });
  await page.close();
}

async function lost() {
  const flow = await begin({ redirect_uri: "http://127.0.0.1.evil.example/callback" });
  const page = await open(flow.url);
  say("lost", { url: page.url(), text: await page.$eval("main", (shown) => shown.innerText) });
  await picture(page, "problem");
  await page.close();
}

async function whole() {
  await denied();
  const { flow, answer, got } = await allowed();
  say("answer", await ask(got.access_token, options.query));
  say("consents", await ask(got.access_token, "{ consents { client } }"));
  const next = await refreshed(got.refresh_token);
  say("refreshed", { rotated: next.refresh_token !== got.refresh_token, scope: next.scope });
  await withdraw();
  say("withdrawn", await untilRefused(next.access_token));
  say("refresh refused", await refusal(refreshed(next.refresh_token)));
  say("replay refused", await refusal(tokens(flow, answer)));
  await anotherAccount();
  await lost();
}

try {
  if (options.recovery) await factors();
  else if (DPoP) await bound();
  else await whole();
  say("done");
} finally {
  await browser.close();
  listener.close();
}
