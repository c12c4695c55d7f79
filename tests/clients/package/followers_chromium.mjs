// Adapters in one real browser, each in a profile of its own, as for different people. Options: url, password, kinds,
// chromium, page (its path). Each line of stdin is done by all.
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";
import { FLAGS } from "../chromium.mjs";

const { kinds, chromium, page: path, ...options } = JSON.parse(process.env.CLIENT_OPTIONS);
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, args: FLAGS });

async function open(kind) {
  const page = await (await browser.createBrowserContext()).newPage();
  const say = (step, rest) => process.stdout.write(`${JSON.stringify({ ...rest, step, kind })}\n`);
  page.on("pageerror", (error) => say("complaint", { text: error.message }));
  await page.exposeFunction("say", say);
  await page.goto(`${options.url}${path}`);
  await page.evaluate((given) => void (globalThis.commands = followers.follower(say, given)), { ...options, kind });
  return page;
}

try {
  const pages = await Promise.all(kinds.map(open));
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...given } = JSON.parse(line);
    await Promise.all(pages.map((page) => page.evaluate((name, given) => void commands[name](given), name, given)));
  }
} finally {
  await browser.close();
}
