// Where a page could leave a token, in a real browser: everything that it writes and tells is noted from its first line on,
// and looked for tokens at the end. Options: url, email, password, chromium, profile, package (the text of watchword-client).
import puppeteer from "puppeteer-core";
import { FLAGS } from "../chromium.mjs";
import { options, say } from "../session.mjs";

const { email, password, url } = options;
const browser = await puppeteer.launch({ executablePath: options.chromium, userDataDir: options.profile, headless: true, args: FLAGS });

/** Note in a page what it writes to a store, tells other tabs or calls its locks. */
function noting() {
  const noted = [], shown = (value) => (value instanceof CryptoKey ? { key: value.type, extractable: value.extractable } : value);
  const note = (owner, name) => {
    const call = owner[name];
    owner[name] = function (...given) {
      noted.push(`${name} ${JSON.stringify(given, (_key, value) => shown(value))}`);
      return call.apply(this, given);
    };
  };
  for (const name of ["add", "put"]) note(IDBObjectStore.prototype, name);
  note(Storage.prototype, "setItem");
  note(BroadcastChannel.prototype, "postMessage");
  note(LockManager.prototype, "request");
  for (const name of ["pushState", "replaceState"]) note(History.prototype, name);
  if (globalThis.Cache) for (const name of ["add", "addAll", "put"]) note(Cache.prototype, name);
  globalThis.noted = noted;
}

/** Read in a page what its stores have now. */
async function stored() {
  const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
  const keys = [], databases = [];
  for (const { name } of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      for (const value of await done(database.transaction(store).objectStore(store).getAll())) {
        const pair = [value.privateKey, value.publicKey].filter(Boolean);
        keys.push(...pair.map(({ type, extractable }) => ({ type, extractable })));
        databases.push(JSON.stringify(value));
      }
    }
    database.close();
  }
  const caches = globalThis.caches ? await globalThis.caches.keys() : [];
  const text = JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases, caches, document.cookie, name, history.state, location.href, noted]);
  return { keys, noted, text };
}

/** Open a page that notes, in a profile of its own, with the authenticator of a phone. */
async function opened(path) {
  const page = await (await browser.createBrowserContext()).newPage(), devtools = await page.createCDPSession();
  page.on("pageerror", (error) => say("complaint", { text: error.message }));
  await page.evaluateOnNewDocument(noting);
  await devtools.send("WebAuthn.enable");
  const phone = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  await devtools.send("WebAuthn.addVirtualAuthenticator", { options: phone });
  const tokens = new Set();
  page.on("response", async (response) => {
    if (!response.url().includes("/api/auth/")) return;
    const answer = await response.json().catch(() => ({}));
    for (const name of ["access_token", "refresh_token"]) if (answer[name]) tokens.add(answer[name]);
  });
  await page.goto(`${url}${path}`);
  return { page, tokens, devtools };
}

/** Say what of a page's tokens is in what it left, and what that was. */
async function look(step, { page, tokens, devtools }) {
  const { keys, noted, text } = await page.evaluate(stored);
  const { cookies } = await devtools.send("Network.getCookies");
  const secrets = [...tokens, ...cookies.filter(({ httpOnly }) => httpOnly).map(({ value }) => value)];
  // A part of a token is one too: its claims, or its signature.
  const parts = secrets.flatMap((secret) => [secret, ...secret.split(".")]).filter((part) => part.length > 20);
  say(step, { tokens: tokens.size, secrets: secrets.length, found: parts.filter((part) => text.includes(part)), keys, noted });
}

try {
  for (const isBound of [false, true]) {
    const made = await opened("/health/live"), { page } = made;
    await page.evaluate(options.package);
    await page.evaluate(async (isBound, who) => {
      const { createSession, createLive, createDpop, addPasskey, signInWithPasskey, stepUpWithPasskey } = watchword;
      const session = createSession(isBound ? { dpop: createDpop() } : {}), live = createLive(session);
      await session.ready;
      await session.signIn(who);
      await session.refresh();
      await session.stepUp({ password: who.password });
      await addPasskey(session, isBound ? "bound" : "phone");
      await signInWithPasskey(session);
      await stepUpWithPasskey(session);
      for await (const _ of live.subscribe("subscription { incidentsChanged(present: true) { kind } }")) break;
      live.close();
    }, isBound, { email, password });
    await look(isBound ? "bound" : "bearer", made);
  }
  const room = await opened("/room"), { page } = room;
  const isThere = () => [...document.querySelectorAll("h1")].some((each) => each.textContent.includes("Incidents"));
  await page.waitForSelector("input[type=password]");
  await page.type("input[type=email]", email);
  await page.type("input[type=password]", password);
  await page.keyboard.press("Enter");
  await page.waitForFunction(isThere);
  const { noted } = await page.evaluate(stored);
  await page.reload();
  await page.waitForFunction(isThere);
  await page.evaluate((before) => globalThis.noted.unshift(...before), noted);
  await look("room", room);
} finally {
  await browser.close();
}
