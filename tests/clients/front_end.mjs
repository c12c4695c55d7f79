// A page of the team's own, in a real browser, with the session.js and live.js of the documents and nothing else.
// Options: url, chromium, profile (a folder), page (its name). It prints what happens to its socket and what it hears,
// and does what each line of stdin says.
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";
import { FLAGS } from "./chromium.mjs";
import { options, say } from "./session.mjs";

const browser = await puppeteer.launch({
  executablePath: options.chromium,
  userDataDir: options.profile,
  headless: true,
  args: FLAGS,
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => say("complaint", { text: error.message }));
  await page.exposeFunction("say", say);
  // A page that waits for thirty seconds waits for three hundred milliseconds here.
  await page.evaluateOnNewDocument(() => {
    const plain = setTimeout;
    globalThis.setTimeout = (callback, delay, ...rest) => plain(callback, delay / 100, ...rest);
  });
  await page.goto(`${options.url}/front/${options.page}`);
  // What a person does to any page.
  const person = {
    reload: () => page.reload(),
    enter: async ({ fields }) => {
      for (const [name, text] of Object.entries(fields)) await page.type(`[name=${name}]`, text);
      await page.click("button");
    },
    read: async () => say("text", { text: await page.$eval("body", (body) => body.innerText) }),
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...given } = JSON.parse(line);
    if (person[name]) await person[name](given);
    else await page.evaluate((name, given) => void commands[name](given), name, given);
  }
} finally {
  await browser.close();
}
