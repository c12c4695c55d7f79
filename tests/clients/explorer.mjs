// The explorer in a real browser, as a person uses it. Options: chromium, profile (a folder that may be filled),
// colours (light or dark), width (of the window), screenshots (a folder, for those that write pictures).
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { FLAGS } from "./chromium.mjs";
import { endpoint, options, say } from "./session.mjs";

const EDITORS = { query: ".graphiql-query-editor", response: ".result-window" };
const RUN = ".graphiql-execute-button";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const browser = await puppeteer.launch({
  executablePath: options.chromium,
  userDataDir: options.profile,
  headless: true,
  args: FLAGS,
  defaultViewport: { width: options.width ?? 1280, height: 800 },
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

/** Open the explorer in a new tab. */
export async function open(rest = "") {
  const page = await browser.newPage();
  const scheme = options.colours ?? "light";
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  listen(page);
  await page.goto(endpoint + rest);
  await ready(page);
  return page;
}

export const ready = (page) =>
  page.waitForSelector(`${EDITORS.query} .view-lines`).then(() => page.waitForSelector(".bar form, .bar .sign-out"));

/** Return the text of an editor: "query", "response", or "headers" or "variables" if it is shown. */
export const read = (page, editor) =>
  page.evaluate((name) => __MONACO.editor.getModels().find((model) => model.uri.path.includes(name))?.getValue() ?? "", FILES[editor]);

export const write = (page, editor, text) =>
  page.evaluate(
    (name, value) => __MONACO.editor.getModels().find((model) => model.uri.path.includes(name)).setValue(value),
    FILES[editor],
    text,
  );

// How GraphiQL names the texts of its editors; it leaves the editor in `__MONACO`.
const FILES = { query: "operation", response: "response", headers: "request-headers", variables: "variables" };

/** Wait for a response that is whole, and return it parsed. */
export async function response(page) {
  const handle = await page.waitForFunction(
    (name) => {
      const text = __MONACO.editor.getModels().find((model) => model.uri.path.includes(name))?.getValue() ?? "";
      return text.trim().endsWith("}") ? text : null;
    },
    {},
    FILES.response,
  );
  return JSON.parse(await handle.jsonValue());
}

/** Put a document into the editor, and run it. */
export async function run(page, document) {
  await write(page, "query", document);
  await write(page, "response", "");
  await page.click(RUN);
}

/** Run a document that answers once, and return its answer. */
export async function ask(page, document) {
  await run(page, document);
  return response(page);
}

/** Run a subscription, and wait until it is listed. */
export async function follow(page, document) {
  const before = await page.$$eval(".events article", (found) => found.length);
  await run(page, document);
  await page.waitForFunction((count) => document.querySelectorAll(".events article").length > count, {}, before);
}

/** Wait for an event of the newest subscription, and return its newest: when, cursor, answer. */
export async function event(page) {
  const item = await page.waitForSelector(".events article:first-of-type li");
  return item.evaluate((element) => ({
    at: element.querySelector("time").dateTime,
    cursor: element.querySelector(".cursor")?.title ?? null,
    answer: JSON.parse(element.querySelector("pre").textContent),
  }));
}

/** Wait until the line about the connection says this, and return it. */
export async function connection(page, part) {
  const handle = await page.waitForFunction(
    (text) => {
      const said = document.querySelector(".events .connection")?.textContent ?? "";
      return said.includes(text) ? said : null;
    },
    {},
    part,
  );
  return handle.jsonValue();
}

/** Wait until the bar has this text, and return all of it. */
export async function bar(page, part) {
  const handle = await page.waitForFunction(
    (text) => {
      const said = document.querySelector(".bar").innerText;
      return said.includes(text) ? said : null;
    },
    {},
    part,
  );
  return handle.jsonValue();
}

/** Fill in the form to sign in, and send it. */
export async function signIn(page, email, password) {
  await page.locator('.bar input[name="email"]').fill(email);
  await page.locator('.bar input[name="password"]').fill(password);
  await page.click('.bar form[aria-label="Sign in"] button[type="submit"]');
}

/** Act with these scopes only. */
export async function actWith(page, scopes) {
  await page.click(".act-as summary");
  await page.$$eval(
    '.act-as input[name="scope"]',
    (boxes, kept) => boxes.filter((box) => box.checked !== kept.includes(box.value)).forEach((box) => box.click()),
    scopes,
  );
  await page.click('.act-as button[type="submit"]');
}

/** Check the bar and write pictures of the page, light and dark, wide and narrow. Says what is wrong, as a complaint. */
export async function pictures(page, name) {
  await page.evaluate(AXE);
  for (const width of [1280, 480]) {
    await page.setViewport({ width, height: 800 });
    for (const colours of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: colours }]);
      const wrong = await page.evaluate(async () => {
        const { violations } = await window.axe.run(".bar");
        const cut = [...document.querySelectorAll(".bar input, .bar button")].filter((each) => each.getBoundingClientRect().right > innerWidth);
        return [...violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`), ...cut.map((each) => `cut off: ${each.outerHTML}`)];
      });
      for (const each of wrong) say("complaint", { text: `${name}, ${colours}, ${width}: ${each}` });
      await page.screenshot({ path: join(options.screenshots, `explorer-${name}-${colours}-${width}.png`) });
    }
  }
  await page.setViewport({ width: options.width ?? 1280, height: 800 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: options.colours ?? "light" }]);
}
