// The consent page: signs the person in, asks for consent, and returns to the client. The access token is
// kept in memory only. Text from servers and URLs is only ever inserted as text.
"use strict";

const SETTLE = 600; // milliseconds in which a click was meant for what was there before
const parameters = Object.fromEntries(new URLSearchParams(location.search));
// The server may be behind a proxy that adds a path; the issuer has the same path.
const base = location.pathname.replace(/\/oauth\/authorize\/?$/, "");
const element = (id) => document.getElementById(id);
const progress = element("progress");
const signIn = element("sign-in");
const consent = element("consent");
const second = element("second");
let token = "";

// --- The three steps of the page, of which one is shown ---

function show(step) {
  for (const other of [progress, signIn, consent]) other.hidden = other !== step;
}

function tell(text) {
  progress.firstElementChild.textContent = text;
  show(progress);
}

function complain(text) {
  const alert = signIn.querySelector('[role="alert"]');
  alert.textContent = text;
  alert.hidden = !text;
}

// --- The access token, and its key where the server requires DPoP (RFC 9449) ---

const { dpop: binding, anew } = document.querySelector("main").dataset;
const mustProve = binding === "required";
let keys = null;
let nonce = null;

function base64url(bytes) {
  const binary = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function makeProof(path) {
  const bytes = (text) => new TextEncoder().encode(text);
  // The private key cannot be exported, and is lost when the page closes.
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  keys ??= await crypto.subtle.generateKey(curve, false, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", keys.publicKey);
  const claims = {
    jti: crypto.randomUUID(),
    htm: "POST",
    htu: new URL(path, location.origin).href,
    iat: Math.floor(Date.now() / 1000),
    ...(nonce && { nonce }),
    ...(token && { ath: base64url(await crypto.subtle.digest("SHA-256", bytes(token))) }),
  };
  const signed = [{ typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } }, claims]
    .map((part) => base64url(bytes(JSON.stringify(part))))
    .join(".");
  const how = { name: "ECDSA", hash: "SHA-256" };
  return `${signed}.${base64url(await crypto.subtle.sign(how, keys.privateKey, bytes(signed)))}`;
}

async function credentials(path) {
  if (!mustProve) return token ? { authorization: `Bearer ${token}` } : {};
  const dpop = await makeProof(path);
  return token ? { authorization: `DPoP ${token}`, dpop } : { dpop };
}

// --- Requests to the server ---

async function send(path, body) {
  const response = await fetch(base + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...(await credentials(base + path)) },
    body: JSON.stringify(body),
    credentials: "same-origin",
  });
  nonce = response.headers.get("dpop-nonce") ?? nonce;
  const answer = await response.json().catch(() => ({}));
  const said = answer.error_description ?? `The server answered with ${response.status}.`;
  return { ...answer, ok: response.ok, status: response.status, said };
}

async function post(path, body) {
  try {
    const answer = await send(path, body);
    return answer.error === "use_dpop_nonce" ? await send(path, body) : answer;
  } catch {
    return { ok: false, said: "The server cannot be reached. Try again." };
  }
}

async function getToken(path, body) {
  token = "";
  const answer = await post(path, body);
  if (answer.ok) token = answer.access_token ?? "";
  return answer;
}

async function decide(decision) {
  tell("One moment …");
  const answer = await post("/oauth/authorize", { ...parameters, decision });
  if (answer.redirect_to) goBack(answer.redirect_to);
  else if (answer.ok) ask(answer);
  else if (answer.status === 401) askToSignIn(answer.said);
  else tell(answer.said);
}

function goBack(url) {
  tell("You are on the way back to the application. This page can be closed.");
  // Replace this page in the history, so that "back" does not return to a request that is done.
  location.replace(url);
}

// --- Signing in ---

// A session that is bound to this page's key is useless to our front end, so it does not replace the
// session in the cookie; it ends when it is not refreshed.
const delivery = mustProve ? "body" : "cookie";

function askToSignIn(problem) {
  token = "";
  complain(problem);
  show(signIn);
  const { email, password } = signIn.elements;
  (email.value ? password : email).focus();
}

function askForCode(problem) {
  second.hidden = false;
  signIn.elements.code.disabled = false;
  complain(problem);
  show(signIn);
  signIn.elements.code.focus();
}

function forgetCode() {
  second.hidden = true;
  signIn.elements.code.disabled = true;
  signIn.elements.code.value = "";
}

// A code of digits only comes from an authenticator; a recovery code has letters too.
function typed() {
  const { email, password, code } = signIn.elements;
  // Without spaces, hyphens, and invisible characters that were pasted with the code.
  const text = code.disabled ? "" : code.value.normalize("NFKC").replace(/[\s\p{Pd}\p{Cf}]/gu, "");
  const factor = /^\p{Nd}{6}$/u.test(text) ? { otp: text } : { recovery_code: text };
  return { email: email.value, password: password.value, ...(text && factor) };
}

async function enter(shown) {
  for (const button of signIn.querySelectorAll("button")) button.disabled = true;
  const answer = await getToken("/api/auth/login", { ...shown, delivery });
  for (const button of signIn.querySelectorAll("button")) button.disabled = false;
  if (answer.ok) {
    signIn.reset();
    forgetCode();
    await decide("ask");
  } else if (answer.error === "mfa_required" || !second.hidden) {
    // The password was right: otherwise the server would not have asked for the code.
    signIn.elements.code.value = "";
    askForCode(answer.error === "mfa_required" ? "" : answer.said);
  } else {
    signIn.elements.password.value = "";
    askToSignIn(answer.said);
  }
}

async function usePasskey() {
  const options = await post("/api/auth/passkeys/options", {});
  if (!options.ok) return complain(options.said);
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({ publicKey });
    return await enter({ passkey: credential.toJSON() });
  } catch {
    return complain("No passkey was used.");
  }
}

// --- Deciding ---

let settling = 0;

// Ignore clicks right after the page appears: they may be the second click of a double click elsewhere.
function settle() {
  const buttons = consent.querySelectorAll(".actions button");
  for (const button of buttons) button.disabled = true;
  clearTimeout(settling);
  settling = setTimeout(() => {
    for (const button of buttons) button.disabled = false;
  }, SETTLE);
}

function ask({ account, scopes }) {
  const items = scopes.map(({ scope, description }) => {
    const item = document.createElement("li");
    item.textContent = description;
    item.title = scope;
    return item;
  });
  element("account").textContent = `${account.name} (${account.email})`;
  element("scopes").replaceChildren(...items);
  show(consent);
  consent.querySelector("h1").focus();
  settle();
}

async function useAnother() {
  tell("One moment …");
  await post("/api/auth/logout", {});
  signIn.reset();
  forgetCode();
  askToSignIn("");
}

async function begin() {
  // The cookie's session may be bound to our front end's key, which this page does not have.
  if (!mustProve && anew !== "true") await getToken("/api/auth/refresh", { optional: true });
  if (token) await decide("ask");
  else askToSignIn("");
}

signIn.addEventListener("submit", (event) => {
  event.preventDefault();
  enter(typed());
});
consent.addEventListener("submit", (event) => {
  event.preventDefault();
  decide("allow");
});
for (const button of document.querySelectorAll(".deny")) {
  button.addEventListener("click", () => decide("deny"));
}
element("other").addEventListener("click", useAnother);
element("passkey").addEventListener("click", usePasskey);
element("passkey").hidden = !window.PublicKeyCredential?.parseRequestOptionsFromJSON;
window.addEventListener("focus", settle);
begin();
