// A reader of the public page, in a real browser. Options: chromium, profile (a folder that may be filled), url (of the
// page), screenshots (a folder), zone (of the reader), javascript (false: the browser runs none), scheme, width, tabs (how
// many of them), hold (the page's script waits for the first line of the input), gone (the page is missing when it is
// fetched again), path (of the first page). It reads commands: `wait` for a text or its end, `axe`, `brand` (logo and colours),
// `overflow` (how much wider than the window the page is), `shoot`, `read` a selector, `go` to a path, `print` to a file.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { FLAGS } from "./chromium.mjs";
import { options, say } from "./session.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const browser = await puppeteer.launch({
  executablePath: options.chromium,
  userDataDir: options.profile,
  headless: true,
  args: FLAGS,
});
const page = await browser.newPage();
page.on("pageerror", (error) => say("complaint", { text: error.message }));
page.on("console", (message) => {
  if (message.type() === "error") say("complaint", { text: message.text() });
});
page.on("request", (request) => {
  say("request", { path: request.url().slice(options.url.length), type: request.resourceType() });
  if (!request.url().startsWith(options.url)) say("complaint", { text: `foreign request: ${request.url()}` });
});
page.on("framenavigated", () => say("navigated"));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
if (options.hold || options.gone) {
  await page.setRequestInterception(true);
  page.on("request", intercept);
}
await page.setJavaScriptEnabled(options.javascript ?? true);
if (options.zone) await page.emulateTimezone(options.zone);
await look(options.scheme ?? "light", options.width ?? 1200);
await go({ path: options.path ?? "/" });
const tabs = [page];
for (let number = 1; number < (options.tabs ?? 1); number += 1) {
  const tab = await browser.newPage();
  await tab.goto(options.url, { waitUntil: "load" });
  await tab.waitForSelector("#live.on");
  tabs.push(tab);
}
say("opened", { text: await page.$eval("body", (body) => body.innerText) });

const commands = { axe: check, brand, edges, go, links, look: ({ scheme, width }) => look(scheme, width), overflow, print, read, shoot, wait };
for await (const line of lines) {
  const { do: name, ...given } = JSON.parse(line);
  await commands[name](given);
}
await browser.close();

async function intercept(request) {
  const type = request.resourceType();
  if (options.gone && type === "fetch") {
    return request.respond({ status: 404, contentType: "text/html", body: `<title>Gone</title><main>${options.gone}</main>` });
  }
  if (options.hold && type === "script") {
    say("held");
    await lines.next();
  }
  return request.continue();
}

async function look(scheme, width) {
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
}

async function go({ path }) {
  await page.goto(options.url + path, { waitUntil: "load" });
  say("gone", { path });
}

/** Wait until each tab's page has a text, or has it no more (`isGone`), without a reload. */
async function wait({ text, isGone = false }) {
  // In a tab behind another one nothing is drawn: watch the document, not its frames.
  const isSo = (wanted, absent) => document.body.textContent.includes(wanted) !== absent;
  await Promise.all(tabs.map((tab) => tab.waitForFunction(isSo, { polling: "mutation" }, text, isGone)));
  say("shown", { text });
}

async function read({ selector }) {
  say("read", { texts: await page.$$eval(selector, (all) => all.map((each) => each.textContent)) });
}

/** Say how large the logo is, and the colours of the line at the top and of the links. */
async function brand() {
  const found = await page.evaluate(() => ({
    logo: [...document.querySelectorAll("header img")].map((each) => [each.complete, each.naturalWidth]),
    line: getComputedStyle(document.body, "::before").backgroundColor,
    links: [...document.querySelectorAll("a")].map((each) => getComputedStyle(each).color),
  }));
  say("brand", found);
}

/** Say how many pixels of the page are beyond the window, and which elements are. */
async function overflow() {
  const found = await page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    const isBeyond = (each) => each.getBoundingClientRect().right > clientWidth + 1;
    return { pixels: scrollWidth - clientWidth, beyond: [...document.querySelectorAll("body *")].filter(isBeyond).map((each) => each.outerHTML.slice(0, 200)) };
  });
  say("overflow", found);
}

async function links() {
  const found = await page.$$eval("main a", (all) => all.map((each) => each.href));
  say("links", { links: found.map((each) => each.slice(options.url.length)) });
}

/** Let axe look for what breaks WCAG 2.2 AA. It runs in a world of its own, so the page's policy stays as it is. */
async function check() {
  await page.mainFrame().isolatedRealm().evaluate((await import("node:fs")).readFileSync(axe, "utf8"));
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await page.mainFrame().isolatedRealm().evaluate(
    async (values) => {
      const { violations, passes } = await globalThis.axe.run(document, { runOnly: { type: "tag", values } });
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => `${n.html} ${n.failureSummary}`).join(" | ")}`);
      return { violations: told, passes: passes.map(({ id }) => id) };
    },
    tags,
  );
  say("checked", found);
}

/** Say how far from the left the first and the last character of an element's text are shown. */
async function edges({ text }) {
  const found = await page.evaluate((words) => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (!walker.nextNode()?.data.includes(words)) if (!walker.currentNode) return null;
    const node = walker.currentNode, start = node.data.indexOf(words), range = document.createRange();
    return [start, start + words.length - 1].map((at) => (range.setStart(node, at), range.setEnd(node, at + 1), range.getBoundingClientRect().left));
  }, text);
  say("edges", { left: found });
}

/** Print to a PDF, and show the page from now on as it is printed. */
async function print({ path }) {
  await page.pdf({ path, format: "A4", tagged: true });
  await page.emulateMediaType("print");
  const colours = await page.evaluate(() => [
    getComputedStyle(document.documentElement).getPropertyValue("--page").trim(),
    getComputedStyle(document.body).color,
  ]);
  const text = await page.$eval("body", (body) => body.innerText);
  say("printed", { colours, text });
}

async function shoot({ name }) {
  await page.screenshot({ path: join(options.screenshots, `${name}.png`), fullPage: true });
  say("shot", { name });
}
