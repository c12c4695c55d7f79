// watchword-client with DPoP in a real browser, at a server that requires it: two tabs and a reload. Options: url, email,
// password, chromium, profile, package (its text), ahead (milliseconds by which the browser's clock is wrong).
import puppeteer from "puppeteer-core";
import { FLAGS } from "../chromium.mjs";
import { options, say } from "../session.mjs";

const { email, password, url } = options;
const browser = await puppeteer.launch({ executablePath: options.chromium, userDataDir: options.profile, headless: true, args: FLAGS });

async function open(page) {
  await page.evaluateOnNewDocument((ahead) => {
    const now = Date.now;
    Date.now = () => now() + ahead;
  }, options.ahead);
  await page.goto(`${url}/health/live`);
  await page.evaluate(options.package);
  return page.evaluate(async () => {
    globalThis.session = watchword.createSession({ dpop: watchword.createDpop() });
    globalThis.ask = async (query) => (await session.execute(query)).data;
    return session.ready;
  });
}

try {
  const page = await browser.newPage(), other = await browser.newPage();
  say("opened", { states: await Promise.all([open(page), open(other)]) });
  say("signed in", { answer: await page.evaluate(async (who) => {
    await session.signIn(who);
    return ask("{ viewer { email } }");
  }, { email, password }) });

  say("followed", await page.evaluate(async () => {
    const live = watchword.createLive(session), closed = [], heard = [];
    live.on("closed", ({ reason }) => closed.push(reason.split(":")[0]));
    await ask('mutation { openIncident(input: { name: "Bound", body: "Here." }) { id } }');
    // The socket does not know the server's nonce, and is told by the close.
    session.requests.nonce = undefined;
    for await (const { data } of live.subscribe("subscription { incidentsChanged(present: true) { incident { name } } }")) {
      if (data.incidentsChanged.incident.name === "Bound") break;
    }
    const renewed = new Promise((done) => live.on("renewed", done));
    const stop = live.subscribe("subscription { incidentsChanged { kind } }", {}, { next: () => {} });
    await session.refresh();
    const terms = await renewed;
    stop();
    return { closed, terms };
  }));

  // The clock is set while the page is open, and set right again.
  say("clock", { answers: await page.evaluate(async () => {
    const right = Date.now;
    Date.now = () => right() - 7_200_000;
    const wrong = await ask("{ viewer { email } }");
    Date.now = right;
    return [wrong, await ask("{ viewer { email } }")];
  }) });

  say("stolen", await page.evaluate(async () => {
    const authorization = `Bearer ${await session.token()}`;
    const body = JSON.stringify({ query: "{ viewer { email } }" });
    const { status } = await fetch("/graphql", { method: "POST", headers: { "content-type": "application/json", authorization }, body });
    const open = indexedDB.open("watchword dpop");
    await new Promise((done) => (open.onsuccess = done));
    const all = open.result.transaction("keys").objectStore("keys").getAll();
    await new Promise((done) => (all.onsuccess = done));
    const [{ privateKey }] = all.result;
    const exported = await crypto.subtle.exportKey("jwk", privateKey).catch((error) => error.name);
    return { status, keys: all.result.length, exported };
  }));

  say("other tab", { answer: await other.evaluate(async () => {
    if (session.state !== "signedIn") await new Promise((done) => session.on("signedIn", done));
    return ask("{ viewer { email } }");
  }) });
  say("reloaded", { state: await open(page), answer: await page.evaluate(() => ask("{ viewer { email } }")) });
} finally {
  await browser.close();
}
