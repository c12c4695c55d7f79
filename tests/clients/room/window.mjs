// A window on the room in a real browser, with the words that its tests use. Two windows share no cookies.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { FLAGS } from "../chromium.mjs";
import { options, say } from "../session.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
// The browser itself reports a refused sign-in, and a network or a server that is away; the page logs no error.
const EXPECTED = /status of 40[01]|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_RESET|ERR_SOCKET_NOT_CONNECTED|ERR_FAILED|ERR_EMPTY_RESPONSE|before receiving a handshake response/;

const browser = await puppeteer.launch({
  executablePath: options.chromium,
  userDataDir: options.profile,
  headless: true,
  args: FLAGS,
  defaultViewport: { width: 1280, height: 860 },
});

export const close = () => browser.close();

export class Window {
  /** Open a window that nobody is signed in to. `url` is the way on which it reaches the server. */
  static async open(name, url = options.url) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage(), made = new Window(name, page, url);
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => say("complaint", { window: name, text: error.message }));
    page.on("console", (message) => {
      if (message.type() === "error" && (made.isVisitor || !EXPECTED.test(message.text()))) say("complaint", { window: name, text: message.text() });
    });
    page.on("request", (request) => {
      const isOurs = /^data:/.test(request.url()) || [url, url.replace(/^http/, "ws")].some((ours) => request.url().startsWith(ours));
      if (!isOurs) say("complaint", { window: name, text: `foreign request: ${request.url()}` });
    });
    return made;
  }

  /** Nobody has signed in here yet: the page asks for nothing that is refused. */
  isVisitor = true;

  constructor(name, page, url) {
    this.name = name;
    this.page = page;
    this.url = url;
  }

  async go(path = "/room") {
    await this.page.goto(`${this.url}${path}`);
  }

  async signIn(email) {
    await this.go();
    await this.write("E-mail", email);
    await this.write("Password", options.password);
    await this.press("Sign in");
    await this.sees("Incidents", "h1");
  }

  /** Wait for an element whose text contains these words. */
  async sees(text, selector = "body") {
    const shown = (words, where) => [...document.querySelectorAll(where)].some((each) => each.textContent.includes(words));
    try {
      await this.page.waitForFunction(shown, {}, text, selector);
    } catch {
      throw new Error(`${this.name} does not see "${text}" in ${selector}, but ${await this.text("body")}`);
    }
  }

  /** Wait until no element has these words. */
  async seesNoMore(text, selector = "body") {
    await this.page.waitForFunction(
      (words, where) => ![...document.querySelectorAll(where)].some((each) => each.textContent.includes(words)),
      {},
      text,
      selector,
    );
  }

  /** Use what has this accessible name by the keyboard, as somebody does who uses no mouse. */
  async press(name, role = "button", within = "") {
    const found = await this.page.waitForSelector(`${within} ::-p-aria([name="${name}"][role="${role}"])`.trim());
    // It is disabled while the server is asked.
    await this.page.waitForFunction((each) => !each.disabled, {}, found);
    await found.focus();
    await this.page.keyboard.press(role === "checkbox" ? "Space" : "Enter");
  }

  /** Give the page a device with passkeys, which a finger unlocks. Returns how many it has. */
  async device() {
    // A window behind another has no focus, and browsers give its page no passkey.
    await this.page.bringToFront();
    const client = await this.page.createCDPSession();
    await client.send("WebAuthn.enable");
    const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
    const { authenticatorId } = await client.send("WebAuthn.addVirtualAuthenticator", { options });
    return async () => (await client.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length;
  }

  /** Hold the next request whose body has these words. Returns what lets it go on. */
  async hold(words) {
    let held = null;
    const keep = (request) => {
      if (held === null && request.postData()?.includes(words)) held = request;
      else void request.continue();
    };
    await this.page.setRequestInterception(true);
    this.page.on("request", keep);
    return async () => {
      await held.continue();
      this.page.off("request", keep);
      await this.page.setRequestInterception(false);
    };
  }

  async write(label, text, role = "textbox") {
    const found = await this.#labelled(label);
    this.isVisitor = false;
    await found.evaluate((each) => each.select());
    await found.type(text);
  }

  async choose(label, value) {
    await (await this.#labelled(label)).select(value);
  }

  /** Return the names of all buttons that the person can see. */
  buttons(within = "main") {
    return this.page.$$eval(`${within} button`, (all) => all.map((each) => each.textContent.trim()));
  }

  /** Return what has the focus, with the first line of its label or its text; "body" if nothing has it. */
  focused() {
    return this.page.evaluate(() => {
      const { activeElement: each } = document;
      return each === document.body ? "body" : `${each.localName}: ${(each.labels?.[0] ?? each).innerText.trim().split("\n")[0]}`;
    });
  }

  /** Tell whether a screen reader was told this: it stands in a live region that was there before. */
  async announced(text) {
    const { nodes } = await (await this.page.createCDPSession()).send("Accessibility.getFullAXTree");
    const byId = new Map(nodes.map((each) => [each.nodeId, each]));
    const live = (node) => node?.properties?.some(({ name, value }) => name === "live" && value.value === "polite") ?? false;
    const isIn = (node) => node !== undefined && (live(node) || isIn(byId.get(node.parentId)));
    return nodes.some((node) => node.role?.value === "StaticText" && node.name?.value === text && isIn(node));
  }

  text(selector) {
    return this.page.$$eval(selector, (all) => all.map((each) => each.innerText.trim()));
  }

  /** Say what axe finds wrong with what is shown. */
  async check(what) {
    // Not by a script element: the page's own policy refuses those. DevTools may run what they like.
    await this.page.evaluate(AXE);
    const { violations } = await this.page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), RULES);
    for (const { id, help, nodes } of violations) say("violation", { what, id, help, nodes: nodes.map(({ html }) => html) });
    say("checked", { what });
  }

  /** Check what is shown, and write its pictures: light and dark, wide and narrow. */
  async picture(what) {
    for (const [size, width] of [["wide", 1280], ["narrow", 390]]) {
      await this.page.setViewport({ width, height: 860 });
      for (const colours of ["light", "dark"]) {
        await this.page.emulateMediaFeatures([
          { name: "prefers-color-scheme", value: colours },
          { name: "prefers-reduced-motion", value: "reduce" },
        ]);
        await this.check(`${what}, ${colours}, ${size}`);
        await this.page.screenshot({ path: join(options.pictures, `room-${what}-${colours}-${size}.png`), fullPage: !what.includes("dialog") });
        for (const html of await this.page.evaluate(cutOff)) say("violation", { what: `${what}, ${size}`, id: "cut-off", help: "part of it cannot be seen", nodes: [html] });
        const overflow = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (overflow > 0) say("violation", { what: `${what}, ${size}`, id: "overflow", help: `the page is ${overflow} pixels too wide`, nodes: [] });
      }
    }
    await this.page.setViewport({ width: 1280, height: 860 });
    await this.page.emulateMediaFeatures([]);
  }

  async #labelled(label) {
    return this.page.waitForSelector(`::-p-xpath(//*[@id=//label[normalize-space()="${label}"]/@for])`);
  }
}

/** Return what can be used but is beyond the edge of the window or of what contains it, and no more than an edge of it is seen. */
function cutOff() {
  const isHidden = (each) => each.closest(".skip") || !each.checkVisibility() || each.matches('[type="radio"]');
  const boxes = (each) => (each === null ? [{ left: 0, right: innerWidth }] : [...(getComputedStyle(each).overflowX === "visible" ? [] : [each.getBoundingClientRect()]), ...boxes(each.parentElement)]);
  return [...document.querySelectorAll("a, button, input, select, textarea")]
    .filter((each) => !isHidden(each))
    .filter((each) => {
      const { left, right } = each.getBoundingClientRect();
      return boxes(each.parentElement).some((box) => left < box.left - 1 || right > box.right + 1);
    })
    .map((each) => each.outerHTML);
}
