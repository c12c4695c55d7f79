// A person with several factors at the explorer. Commands on stdin tell the one-time codes.
import * as explorer from "./explorer.mjs";
import { options, say, told } from "./session.mjs";

const { browser } = explorer;

/** Give the page a phone with passkeys that a finger unlocks. */
async function phone(page) {
  const session = await page.createCDPSession();
  await session.send("WebAuthn.enable");
  const given = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true };
  const always = { isUserVerified: true, automaticPresenceSimulation: true };
  await session.send("WebAuthn.addVirtualAuthenticator", { options: { ...given, ...always } });
}

/** Register a passkey, with a token of its own. */
const register = (page) =>
  page.evaluate(async ({ email, password }) => {
    const post = async (path, body, token) => {
      const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
      return (await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
    };
    const { access_token: token } = await post("/api/auth/login", { email, password, delivery: "body" });
    const { data } = await post("/graphql", { query: "mutation { beginPasskey }" }, token);
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(data.beginPasskey);
    const credential = (await navigator.credentials.create({ publicKey })).toJSON();
    const query = "mutation ($credential: JSON!) { addPasskey(name: \"phone\", credential: $credential) { id } }";
    return post("/graphql", { query, variables: { credential } }, token);
  }, options);

async function signOut(page) {
  await page.click(".bar .sign-out");
  await page.waitForSelector('.bar input[name="email"]');
}

/** Let the next operation be refused: it needs an authentication of one of these classes. */
async function challenged(page, acrValues) {
  const errors = [{ message: "Sign in again.", path: ["makeRecoveryCodes"], extensions: { code: "STEP_UP_REQUIRED", acrValues } }];
  await page.setRequestInterception(true);
  page.on("request", function answer(request) {
    if (!request.postData()?.includes("makeRecoveryCodes")) return request.continue();
    page.off("request", answer);
    const headers = { "content-type": "application/json", "www-authenticate": 'Bearer error="insufficient_user_authentication"' };
    return request.respond({ headers, body: JSON.stringify({ data: { makeRecoveryCodes: null }, errors }) }).then(() => page.setRequestInterception(false));
  });
}

const press = (page, form, text) =>
  page.$$eval(`.bar form[aria-label="${form}"] button`, (buttons, name) => buttons.find((each) => each.textContent === name).click(), text);

try {
  const page = await explorer.open();
  await phone(page);
  say("registered", await register(page));

  await press(page, "Sign in", "Use a passkey");
  await page.waitForSelector(".bar .sign-out");
  say("by passkey", { text: await explorer.bar(page, options.email), answer: await explorer.ask(page, "{ viewer { email } }") });

  // An operation that needs a recent sign-in asks for one, and is then run.
  const { secret } = (await explorer.ask(page, "mutation { beginTotp { secret } }")).data.beginTotp;
  const { otp } = await told("enrolling", { secret });
  await explorer.ask(page, `mutation { confirmTotp(otp: "${otp}") }`);
  await told("later");
  // The token has ended meanwhile, and is renewed by this.
  await explorer.ask(page, "{ viewer { email } }");
  await explorer.run(page, "mutation { makeRecoveryCodes }");
  await page.waitForSelector('.bar form[aria-label="Authenticate again"]');
  await press(page, "Authenticate again", "Use a passkey");
  say("stepped up", { count: (await explorer.response(page)).data.makeRecoveryCodes.length });
  // So it is by the password and a code.
  await told("later");
  await explorer.ask(page, "{ viewer { email } }");
  await explorer.run(page, "mutation { makeRecoveryCodes }");
  await page.waitForSelector('.bar form[aria-label="Authenticate again"]');
  await explorer.pictures(page, "step-up");
  await page.locator('.bar input[name="password"]').fill(options.password);
  await page.locator('.bar input[name="code"]').fill((await told("needs a code again")).otp);
  await press(page, "Authenticate again", "Continue");
  say("by password and code", { count: (await explorer.response(page)).data.makeRecoveryCodes.length });
  // Who acts with fewer scopes still does after a step-up.
  await explorer.actWith(page, ["incidents:read"]);
  await explorer.bar(page, "Acting with 1 of");
  await told("later");
  await explorer.ask(page, "{ viewer { email } }");
  await explorer.run(page, "mutation { makeRecoveryCodes }");
  await page.waitForSelector('.bar form[aria-label="Authenticate again"]');
  await press(page, "Authenticate again", "Use a passkey");
  const { data } = await explorer.response(page);
  say("acting", { count: data.makeRecoveryCodes.length, answer: await explorer.ask(page, "{ viewer { scopes } }") });
  await told("later");
  // The token has ended meanwhile, and is renewed by this.
  await explorer.ask(page, "{ viewer { email } }");
  await explorer.run(page, "mutation { makeRecoveryCodes }");
  await page.waitForSelector('.bar form[aria-label="Authenticate again"]');
  await press(page, "Authenticate again", "Cancel");
  say("cancelled", { answer: await explorer.response(page) });
  // The toy schema demands no class of an authentication, so that its challenge is put into the answers here.
  for (const acrValues of [["phr"], ["http://schemas.openid.net/pape/policies/2007/06/multi-factor"]]) {
    await challenged(page, acrValues);
    await explorer.run(page, "mutation { makeRecoveryCodes }");
    await page.waitForSelector('.bar form[aria-label="Authenticate again"]');
    say("demanded", await page.$eval('.bar form[aria-label="Authenticate again"]', (form) => ({
      about: form.querySelector("span").textContent,
      fields: [...form.elements].filter((each) => each.name).map((each) => `${each.name}${each.required ? "" : "?"}`),
    })));
    await press(page, "Authenticate again", "Cancel");
    await explorer.response(page);
  }
  await signOut(page);

  await explorer.signIn(page, options.email, options.password);
  await page.waitForSelector('.bar input[name="code"]');
  await explorer.pictures(page, "second-factor");
  await page.locator('.bar input[name="code"]').fill("000000");
  await page.click('.bar form[aria-label="Sign in"] button[type="submit"]');
  await page.waitForSelector('.bar [role="alert"]');
  await page.locator('.bar input[name="code"]').fill((await told("needs a code")).otp);
  await page.click('.bar form[aria-label="Sign in"] button[type="submit"]');
  await page.waitForSelector(".bar .sign-out");
  say("by code", { text: await explorer.bar(page, options.email) });
  await signOut(page);
  // The phone is lost.
  await explorer.signIn(page, options.email, options.password);
  await page.locator('.bar input[name="code"]').fill(data.makeRecoveryCodes[0]);
  await page.click('.bar form[aria-label="Sign in"] button[type="submit"]');
  await page.waitForSelector(".bar .sign-out");
  say("by recovery code", { text: await explorer.bar(page, options.email) });
  say("done");
} finally {
  await browser.close();
}
