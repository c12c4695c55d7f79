// An admin and a responder, each in a window, and a reader that lags: what the admin does has its effect on the other, and what the
// admin is shown is true. Options: url, chromium, profile, password, pictures, email (of the responder), admin.
import { options, say, told } from "../session.mjs";
import { close, Window } from "./window.mjs";

const NAME = "responder";
const [admin, rosa] = await Promise.all(["admin", "rosa"].map((name) => Window.open(name)));
await rosa.signIn(options.email);
await rosa.sees("Live", ".live");
await admin.signIn(options.admin);

// Roles: the responder's window follows them.
await admin.go("/room/admin/members");
await rosa.sees("Open an incident", "button");
await roles("Responder", "Viewer");
await rosa.seesNoMore("Open an incident");
await told("viewer");
await roles("Viewer", "Commander");
await rosa.sees("Open an incident", "button");
await told("commander");
const rival = await post("/api/auth/login", { email: options.admin, password: options.password, delivery: "body" });
const asRival = (query, variables) => post("/graphql", { query, variables }, { authorization: `Bearer ${rival.access_token}` });
const { data: { members } } = await asRival("{ members(first: 50) { nodes { id name } } }");
const member = members.nodes.find(({ name }) => name === NAME).id;
const rolesOf = ({ mine, theirs }) => [
  () => pressOf(NAME, "Roles"),
  () => admin.press(mine, "checkbox", "dialog"),
  () => rivals("mutation R($input: SetRolesInput!) { setRoles(input: $input) { id } }", { member, roles: [theirs] }),
];
await outrun("Keep theirs", ...rolesOf({ mine: "Admin", theirs: "RESPONDER" }));
await admin.page.waitForSelector(`::-p-xpath(//tr[th[normalize-space()='${NAME}']][.//span[text()='Responder']])`);
await outrun("Send mine anyway", ...rolesOf({ mine: "Commander", theirs: "VIEWER" }));
await admin.page.waitForSelector(`::-p-xpath(//tr[th[normalize-space()='${NAME}']][.//span[text()='Commander']])`);
await told("both");

// A reader that is told of an event and takes no other one.
const { access_token: token } = await post("/api/auth/login", { email: options.email, password: options.password, delivery: "body" });
const { exp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
const lagging = await subscribed(token, "subscription Slowly { slowly }");
await told("lagging");
await admin.go("/room/admin/connections");
await admin.sees("Slowly", "tbody td");
await admin.check("connections");
say("connections", { rows: await rows(), lease: new Date(exp * 1_000).toISOString() });
await (await admin.page.waitForSelector("::-p-xpath(//tr[td[normalize-space()='Slowly']]//button)")).press("Enter");
await admin.press("End", "button", ".confirm");
say("ended", await lagging.closed);
await admin.page.waitForFunction(() => !document.querySelector("tbody").innerText.includes("Slowly"));

// Signed out by the admin: here the window, and in the server every session.
await admin.go("/room/admin/members");
await pressOf(NAME, "Sign out");
await rosa.sees("Your session has ended", "form");
await told("signed out");

// A client: its tokens end, and then it gets no others.
await admin.go("/room/admin/clients");
await admin.press("Add a client");
await admin.write("Name", "Reporter");
await admin.press("Client credentials", "checkbox", "dialog");
await admin.write("Scopes", "incidents:read");
await admin.press("Add", "button", "dialog");
await admin.sees("Keep this secret.", ".notice");
const [id] = await admin.text(".notice strong code"), [secret] = await admin.text(".secret");
const clientOf = (mine, theirs) => [
  () => admin.press("Change"),
  () => admin.write("Name", mine),
  () => rivals("mutation C($input: ChangeClientInput!) { changeClient(input: $input) { id } }", { client: id, name: theirs }),
];
await outrun("Keep theirs", ...clientOf("Mine", "Theirs"));
await admin.sees("Theirs", ".things strong");
await outrun("Send mine anyway", ...clientOf("Mine again", "Theirs again"));
await admin.sees("Mine again", ".things strong");
const first = await tokenOfClient();
const before = await statusWith(first.access_token);
await admin.press("End tokens");
await admin.check("the question before tokens end");
await admin.press("End tokens", "button", ".confirm");
const second = await until(() => statusWith(first.access_token), 401, tokenOfClient);
say("tokens ended", { before, first: await statusWith(first.access_token), second: await statusWith(second.access_token) });
await admin.press("Disable");
await admin.press("Disable", "button", ".confirm");
await admin.sees("Disabled", ".things .badge");
say("disabled", { second: await statusWith(second.access_token), error: (await tokenOfClient()).error, buttons: await admin.buttons(".things") });

// A key is added.
await admin.go("/room/admin/keys");
await admin.press("Make a new key");
await admin.press("Make a new key", "button", ".confirm");
await admin.sees("Signs soon", ".badge");
await told("keys", { rows: await rows() });

// The audit log has more than a page.
await told("audit");
await admin.go("/room/admin/audit");
const newest = await page("");
await admin.press("Older");
const older = await page(newest.times[0]);
await admin.check("older entries");
await admin.press("Newer");
const again = await page(older.times[0]);
say("pages", { newest, older, again });
await close();

/** Give the responder one role for another, and check the dialog. */
async function roles(from, to) {
  await pressOf(NAME, "Roles");
  await admin.sees(`Roles of ${NAME}`, "dialog h2");
  await admin.check("roles dialog");
  for (const each of [from, to]) await admin.press(each, "checkbox", "dialog");
  await admin.press("Save", "button", "dialog");
  await admin.page.waitForSelector(`::-p-xpath(//tr[th[normalize-space()='${NAME}']]//span[text()='${to}'])`);
  const focused = await admin.focused();
  if (focused !== "button: Roles") say("violation", { what: "roles", id: "focus", help: focused, nodes: [] });
}

/** Change something of which another admin changes something too, a little earlier, and say what the dialog shows. */
async function outrun(choice, open, fill, rival) {
  await open();
  await fill();
  await rival();
  await admin.press("Save", "button", "dialog");
  await admin.sees("Somebody was faster", "dialog h2");
  await admin.check(`${choice}, of an admin`);
  say("outrun", { versus: await admin.text(".versus p.body, .versus li"), about: await admin.text("dialog > p") });
  await admin.press(choice, "button", "dialog");
  await admin.page.waitForFunction(() => document.querySelector("dialog") === null);
}

/** Let another admin make a change. */
async function rivals(query, input) {
  const { errors } = await asRival(query, { input });
  if (errors) throw new Error(JSON.stringify(errors));
}

/** Press a button of a member, and the one of its question. */
async function pressOf(name, button) {
  await (await admin.page.waitForSelector(`::-p-xpath(//tr[th[normalize-space()='${name}']]//button[text()='${button}'])`)).press("Enter");
  if (button !== "Roles") await admin.press(button, "button", ".confirm");
}

/** What each row of the table says, with the times in it as they are. */
function rows() {
  return admin.page.$$eval("tbody tr", (all) => all.map((row) => ({
    who: row.querySelector("th").innerText,
    cells: [...row.querySelectorAll("td")].map((each) => each.innerText),
    times: [...row.querySelectorAll("time")].map((each) => each.dateTime),
  })));
}

/** The times of a page of the log, once another entry is the first, and the buttons below it. */
async function page(last) {
  await admin.page.waitForFunction((before) => {
    const found = document.querySelector("tbody time")?.dateTime;
    return found && found !== before;
  }, {}, last);
  return { times: await admin.page.$$eval("tbody time", (all) => all.map((each) => each.dateTime)), buttons: await admin.buttons(".panel > .actions") };
}

async function post(path, body, headers = {}) {
  const isForm = body instanceof URLSearchParams;
  const answer = await fetch(options.url + path, { method: "POST", body: isForm ? body : JSON.stringify(body), headers: { ...(!isForm && { "content-type": "application/json" }), ...headers } });
  return answer.json();
}

function tokenOfClient() {
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
  return post("/oauth/token", new URLSearchParams({ grant_type: "client_credentials" }), { authorization });
}

/** The status of a query with a token. */
async function statusWith(given) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${given}` };
  return (await fetch(`${options.url}/graphql`, { method: "POST", headers, body: '{"query":"{ __typename }"}' })).status;
}

/** Ask until the answer is this one, and return what is made then. */
async function until(ask, wanted, make) {
  while ((await ask()) !== wanted);
  return make();
}

/** Subscribe by a socket of its own. Returns how it is closed. */
function subscribed(given, query) {
  const socket = new WebSocket(`${options.url.replace(/^http/, "ws")}/graphql`, "graphql-transport-ws");
  const closed = new Promise((resolve) => (socket.onclose = ({ code, reason }) => resolve({ code, reason })));
  return new Promise((resolve) => {
    socket.onopen = () => socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${given}` } }));
    socket.onmessage = ({ data }) => {
      if (JSON.parse(data).type !== "connection_ack") return;
      socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query, extensions: { position: true } } }));
      socket.onmessage = () => resolve({ closed });
    };
  });
}
