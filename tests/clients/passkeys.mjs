// A person with a phone, in a real browser with a virtual authenticator: registers a passkey, signs in
// with it and steps up. Options: chromium, profile (a folder that may be filled), package (the text of watchword-client),
// documented (the code of the documents).
import puppeteer from "puppeteer-core";
import { endpoint, options, say } from "./session.mjs";

const browser = await puppeteer.launch({
  executablePath: options.chromium,
  userDataDir: options.profile,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});

/** A phone: its passkeys are discoverable, and a finger unlocks it unless `verifies` is false. */
async function phone(page, verifies = true) {
  const session = await page.createCDPSession();
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: verifies,
      automaticPresenceSimulation: true,
    },
  });
  const credentials = async () =>
    (await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  const unlock = (isUserVerified) =>
    session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
  return { credentials, unlock };
}

/** Define in the page what a front end would have: JSON over HTTP, GraphQL, and the two ceremonies. */
function frontEnd() {
  window.post = async (path, body, token) => {
    const headers = { "content-type": "application/json" };
    if (token) headers.authorization = `Bearer ${token}`;
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: response.status, ...(await response.json()) };
  };
  window.graphql = async (token, query, variables) => {
    const answer = await post("/graphql", { query, variables }, token);
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  };
  window.register = async (token, name) => {
    const { beginPasskey } = await graphql(token, "mutation { beginPasskey }");
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(beginPasskey);
    const credential = (await navigator.credentials.create({ publicKey })).toJSON();
    const query = `mutation ($name: String!, $credential: JSON!) {
      addPasskey(name: $name, credential: $credential) { id name }
    }`;
    return (await graphql(token, query, { name, credential })).addPasskey;
  };
  window.sign = async (token) => {
    const asked = await post("/api/auth/passkeys/options", {}, token);
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked);
    return (await navigator.credentials.get({ publicKey })).toJSON();
  };
}

try {
  const page = await browser.newPage();
  await page.goto(endpoint);
  await page.evaluate(frontEnd);
  const device = await phone(page);
  const { email, password } = options;

  const first = await page.evaluate(
    (body) => post("/api/auth/login", body),
    { email, password, delivery: "body" },
  );
  say("signed in by password", { status: first.status });
  const made = await page.evaluate((token) => register(token, "phone"), first.access_token);
  const [kept] = await device.credentials();
  say("registered", { made, relyingParty: kept.rpId, discoverable: kept.isResidentCredential });

  const again = await page.evaluate((token) =>
    register(token, "once more").then(() => "registered", (error) => error.name),
    first.access_token,
  );
  say("registered twice", { said: again });

  const second = await page.evaluate(async () => {
    const passkey = await sign();
    const answer = await post("/api/auth/login", { passkey, delivery: "body" });
    const replayed = await post("/api/auth/login", { passkey, delivery: "body" });
    return { ...answer, replayed: replayed.status };
  });
  const asked = "{ viewer { email } passkeys { name usedAt } }";
  const seen = await page.evaluate(
    (token, query) => graphql(token, query),
    second.access_token,
    asked,
  );
  say("signed in by passkey", { status: second.status, replayed: second.replayed, ...seen });

  const stepped = await page.evaluate(async (token) => {
    return post("/api/auth/step-up", { passkey: await sign(token) }, token);
  }, second.access_token);
  say("stepped up", { status: stepped.status });

  await device.unlock(false);
  const locked = await page.evaluate(() => sign().then(() => "signed", (error) => error.name));
  say("locked", { said: locked });
  await device.unlock(true);

  const removed = await page.evaluate(async (token, id) => {
    await graphql(token, "mutation ($id: ID!) { removePasskey(id: $id) }", { id });
    return (await post("/api/auth/login", { passkey: await sign() })).status;
  }, stepped.access_token, made.id);
  say("removed", { status: removed });

  // The same with watchword-client and the code of the documents, in a page of its own.
  const other = await browser.newPage();
  await other.goto(`${options.url}/health/live`);
  await phone(other);
  await other.evaluate(options.package);
  const asks = "mutation { beginTotp { uri } }";
  const steps = options.documented.replace(/^import .*$/m, "");
  const documented = await other.evaluate(`(async () => {
    const { createSession, addPasskey, signInWithPasskey, stepUpWithPasskey } = watchword;
    const session = createSession();
    await session.ready;
    let changes = 0;
    session.on("changed", () => { changes += 1; });
    await session.signIn(${JSON.stringify({ email, password })});
    ${steps}
    return { changes, answer: await session.execute(${JSON.stringify(asks)}) };
  })()`);
  say("documented", documented);
  say("done");
} finally {
  await browser.close();
}
