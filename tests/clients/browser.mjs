// A person at the explorer, in a real browser. Options: chromium, profile (a folder that may be
// filled), query, subscription (documents), token (one that is refused), screenshot (a path), colours (light or dark).
import puppeteer from "puppeteer-core";
import { FLAGS } from "./chromium.mjs";
import { endpoint, options, say } from "./session.mjs";

const QUERY = ".graphiql-query-editor .CodeMirror";
const HEADERS = ".graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror";
const RESPONSE = ".result-window .CodeMirror";
const RUN = ".graphiql-execute-button";

const browser = await puppeteer.launch({
  executablePath: options.chromium,
  userDataDir: options.profile,
  headless: true,
  args: FLAGS,
  defaultViewport: { width: 1280, height: 800 },
});

/** Print whatever the page complains about: a test expects nothing. */
function listen(page) {
  page.on("pageerror", (error) => say("complaint", { text: error.message }));
  page.on("console", (message) => {
    if (message.type() === "error") say("complaint", { text: message.text() });
  });
  page.on("request", (request) => {
    const isOurs = /^(data|blob):/.test(request.url()) || request.url().startsWith(options.url);
    if (!isOurs) say("complaint", { text: `foreign request: ${request.url()}` });
  });
}

const read = (page, selector) =>
  page.$eval(selector, (element) => element.CodeMirror.getValue());

async function write(page, selector, text) {
  await page.waitForSelector(selector);
  await page.$eval(selector, (element, value) => element.CodeMirror.setValue(value), text);
}

/** Wait for a response that is whole, and return it parsed. */
async function response(page) {
  const handle = await page.waitForFunction(
    (selector) => {
      const text = document.querySelector(selector)?.CodeMirror.getValue() ?? "";
      return text.trim().endsWith("}") ? text : null;
    },
    {},
    RESPONSE,
  );
  return JSON.parse(await handle.jsonValue());
}

/** Type a document, wait until GraphiQL has understood it, and press its button. */
async function run(page, document) {
  await write(page, QUERY, document);
  await page.waitForFunction(
    (selector, text) => {
      const { documentAST } = document.querySelector(selector).CodeMirror;
      return documentAST?.loc.source.body === text;
    },
    {},
    QUERY,
    document,
  );
  await write(page, RESPONSE, "");
  await page.click(RUN);
}

async function open(rest = "") {
  const page = await browser.newPage();
  const scheme = options.colours ?? "light";
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  listen(page);
  await page.goto(endpoint + rest);
  await page.waitForSelector(QUERY);
  say("opened", { title: await page.title() });
  return page;
}

async function tryDefault(page) {
  const document = await read(page, QUERY);
  await page.click(RUN);
  say("default query", { document, answer: await response(page) });
}

async function signIn(page, password) {
  await page.locator('.bar input[name="email"]').fill(options.email);
  await page.locator('.bar input[name="password"]').fill(password);
  await page.click('.bar button[type="submit"]');
}

async function refuseSignIn(page) {
  await signIn(page, `${options.password}?`);
  const alert = await page.waitForSelector('.bar [role="alert"]');
  say("sign-in refused", { text: await alert.evaluate((element) => element.textContent) });
}

async function acceptSignIn(page) {
  await signIn(page, options.password);
  const status = await page.waitForSelector('.bar [role="status"]');
  await page.waitForFunction(
    (selector) => document.querySelector(selector)?.CodeMirror.getValue().includes("Bearer "),
    {},
    HEADERS,
  );
  say("signed in", {
    text: await status.evaluate((element) => element.textContent),
    headers: JSON.parse(await read(page, HEADERS)),
  });
}

async function query(page) {
  await run(page, options.query);
  say("answer", { answer: await response(page) });
}

async function subscribe(page) {
  await run(page, options.subscription);
  await page.waitForSelector(`${RUN}[aria-label^="Stop"]`);
  say("ready");
  say("next", { answer: await response(page) });
  if (options.screenshot) await page.screenshot({ path: options.screenshot });
  await page.click(RUN);
}

async function subscribeWithBadToken(page) {
  await write(page, HEADERS, JSON.stringify({ Authorization: `Bearer ${options.token}` }));
  await run(page, options.subscription);
  say("socket refused", { answer: await response(page) });
}

async function signOut(page) {
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  await page.click('.bar button[type="button"]');
  await page.waitForSelector('.bar input[name="email"]');
  say("signed out", { headers: await read(page, HEADERS), stored });
}

/** Follow a link that holds an operation, with a slash at the end of its path. */
async function followLink() {
  const page = await open(`/?${new URLSearchParams({ query: options.query, variables: '{"a":1}' })}`);
  const shown = await page.waitForFunction(
    (selector, text) => document.querySelector(selector).CodeMirror.getValue() === text,
    {},
    QUERY,
    options.query,
  );
  say("linked", { shown: await shown.jsonValue(), answer: await read(page, RESPONSE) });
}

try {
  const page = await open();
  await tryDefault(page);
  await refuseSignIn(page);
  await acceptSignIn(page);
  await query(page);
  await subscribe(page);
  await signOut(page);
  await subscribeWithBadToken(page);
  await followLink();
  say("done");
} finally {
  await browser.close();
}
