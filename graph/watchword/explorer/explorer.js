// The explorer: GraphiQL, and a bar to sign in. Its fetcher sends the headers of the headers editor over HTTP
// and, for subscriptions, as the payload of connection_init. The token is kept in memory only.
"use strict";

const { createElement, useEffect, useRef, useState } = React;

// A proxy may serve this page below a path.
const BASE = location.pathname.replace(/\/graphql\/?$/, "");
const ENDPOINT = `${BASE}/graphql`;
const SOCKET = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${ENDPOINT}`;
// A link may contain an operation. It is shown, but not run.
const LINKED = new URLSearchParams(location.search);
const RENEW_BEFORE = 60_000; // milliseconds before the token's end
const DEFAULT_QUERY = `# What the public sees. Sign in above to see more and to change things;
# the token goes into the headers editor below, for queries and for subscriptions.

query LatestIncidents {
  incidents(first: 5) {
    nodes {
      id
      name
      status
      impact
      startedAt
      components {
        name
      }
    }
  }
}
`;
const ADVICE = {
  1006: "The connection was lost. Run the operation again.",
  1012: "The server is restarting. Run the operation again in a moment.",
  1013: "More events came than this page could take. Run the operation again.",
  4401: "The server does not accept this token. Sign in again.",
  4403: "Sign in again, then run the operation again.",
  4408: "The connection took too long to open. Run the operation again.",
};

// --- Failures, which are shown in words and in the form of a GraphQL answer ---

function failure(message, extensions) {
  return { errors: [{ message, ...(extensions && { extensions }) }] };
}

function isClose(error) {
  return typeof error?.code === "number" && "reason" in error;
}

function inWords(error) {
  if (Array.isArray(error)) return { errors: error };
  if (!isClose(error)) return failure(error?.message ?? "The connection failed.");
  const reason = error.reason || "no reason was given";
  const advice = ADVICE[error.code] ?? "Run the operation again.";
  return failure(`The connection was closed with ${error.code}: ${reason}. ${advice}`, {
    closeCode: error.code,
    reason: error.reason,
  });
}

// --- Operations ---

function isSubscription(documentAST, operationName) {
  const operations = (documentAST?.definitions ?? []).filter(
    (definition) => definition.kind === "OperationDefinition",
  );
  const chosen = operationName
    ? operations.find((operation) => operation.name?.value === operationName)
    : operations[0];
  return chosen?.operation === "subscription";
}

async function overHttp(params, headers) {
  try {
    const response = await fetch(ENDPOINT, {
      method: "POST",
      headers: {
        accept: "application/graphql-response+json, application/json",
        ...headers,
        "content-type": "application/json",
      },
      body: JSON.stringify(params),
      credentials: "same-origin",
    });
    return await response
      .json()
      .catch(() => failure(`The server answered with ${response.status} and no JSON.`));
  } catch (error) {
    return failure(`The request could not be sent: ${error.message}.`);
  }
}

let socket = { key: "", client: null };

// There is one connection as long as the headers stay the same. An earlier one closes on its own after its
// last operation.
function socketWith(headers) {
  const key = JSON.stringify(headers);
  if (socket.client === null || socket.key !== key) {
    const client = graphqlWs.createClient({
      url: SOCKET,
      connectionParams: headers,
      retryAttempts: 0,
    });
    socket = { key, client };
  }
  return socket.client;
}

function overSocket(params, headers) {
  const subscribe = (sink) => {
    const unsubscribe = socketWith(headers).subscribe(params, {
      next: (answer) => sink.next(answer),
      error: (error) => {
        sink.next(inWords(error));
        sink.complete();
      },
      complete: () => sink.complete(),
    });
    return { unsubscribe };
  };
  return { subscribe };
}

function fetcher(params, { headers = {}, documentAST } = {}) {
  return isSubscription(documentAST, params.operationName)
    ? overSocket(params, headers)
    : overHttp(params, headers);
}

// --- The headers editor's text ---

function parseHeaders(text) {
  try {
    const headers = JSON.parse(text);
    return headers !== null && typeof headers === "object" && !Array.isArray(headers) ? headers : {};
  } catch {
    return {};
  }
}

function printHeaders(headers) {
  return Object.keys(headers).length ? JSON.stringify(headers, null, 2) : "";
}

function withoutAuthorization(headers) {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
}

function withToken(text, token) {
  const others = withoutAuthorization(parseHeaders(text));
  return printHeaders({ ...others, Authorization: `Bearer ${token}` });
}

function withoutToken(text) {
  return printHeaders(withoutAuthorization(parseHeaders(text)));
}

// GraphiQL does not store headers with its tabs, but it does store them in its history.
const storage = {
  get length() {
    return localStorage.length;
  },
  getItem: (key) => localStorage.getItem(key),
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  setItem: (key, value) => localStorage.setItem(key, stripHeaders(value)),
};

function stripHeaders(text) {
  try {
    return JSON.stringify(JSON.parse(text), (name, value) => (name === "headers" ? null : value));
  } catch {
    return text;
  }
}

// --- Signing in ---

function post(path, body) {
  return fetch(BASE + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
  });
}

async function requestToken(path, body) {
  const response = await post(path, body).catch(() => {
    throw new Error("The server cannot be reached.");
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(answer.error_description ?? `The server answered with ${response.status}.`);
  }
  return { token: answer.access_token, expiresAt: Date.now() + answer.expires_in * 1000 };
}

// The session (null: signed out), the last failure, and the functions to sign in and out.
function useSession(onToken, onEnd) {
  const [session, setSession] = useState(null);
  const [problem, setProblem] = useState("");

  async function adopt(email, path, body, prefix = "") {
    try {
      const granted = await requestToken(path, body);
      onToken(granted.token, session?.token);
      setSession({ email, ...granted });
      setProblem("");
    } catch (error) {
      setProblem(prefix + error.message);
    }
  }

  useEffect(() => {
    if (session === null) return undefined;
    const renew = () =>
      adopt(session.email, "/api/auth/refresh", {}, "The sign-in could not be renewed: ");
    const timer = setTimeout(renew, Math.max(session.expiresAt - Date.now() - RENEW_BEFORE, 0));
    return () => clearTimeout(timer);
  }, [session]);

  return {
    session,
    problem,
    signIn: (email, password) => adopt(email, "/api/auth/login", { email, password }),
    signOut: async () => {
      onEnd();
      setSession(null);
      const left = await post("/api/auth/logout", {}).catch(() => null);
      setProblem(left?.ok ? "" : "The server could not be told; the session may still be open.");
    },
  };
}

function Field({ label, ...rest }) {
  return createElement("label", null, label, createElement("input", { required: true, ...rest }));
}

function SignInForm({ onSubmit }) {
  const [isBusy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    await onSubmit(form.elements.email.value, form.elements.password.value);
    setBusy(false);
  };
  return createElement(
    "form",
    { onSubmit: submit, "aria-label": "Sign in" },
    createElement(Field, { label: "E-mail", name: "email", inputMode: "email", autoCapitalize: "off", autoComplete: "username" }),
    createElement(Field, {
      label: "Password",
      name: "password",
      type: "password",
      autoComplete: "current-password",
    }),
    createElement("button", { type: "submit", disabled: isBusy }, isBusy ? "Signing in …" : "Sign in"),
  );
}

function SignedIn({ session, onSignOut }) {
  const end = new Date(session.expiresAt);
  return createElement(
    "p",
    { role: "status" },
    "Signed in as ",
    createElement("strong", null, session.email),
    " until ",
    createElement("time", { dateTime: end.toISOString() }, end.toLocaleTimeString()),
    createElement("button", { type: "button", onClick: onSignOut }, "Sign out"),
  );
}

function Bar({ session, problem, signIn, signOut }) {
  return createElement(
    "header",
    { className: "bar" },
    createElement("h1", null, "Watchword"),
    problem && createElement("p", { role: "alert" }, problem),
    session === null
      ? createElement(SignInForm, { onSubmit: signIn })
      : createElement(SignedIn, { session, onSignOut: signOut }),
  );
}

function Explorer() {
  const [headers, setHeaders] = useState("");
  const edited = useRef(headers);
  const write = (text) => {
    edited.current = text;
    setHeaders(text);
  };
  const state = useSession(
    (token, before) => {
      // Renewing the token must not overwrite a header that the user has edited meanwhile.
      const isOurs = before === undefined || edited.current.includes(before);
      if (isOurs) write(withToken(edited.current, token));
    },
    () => write(withoutToken(edited.current)),
  );
  return createElement(
    React.Fragment,
    null,
    createElement(Bar, state),
    createElement(
      GraphiQL,
      {
        fetcher,
        headers,
        storage,
        defaultHeaders: headers,
        defaultQuery: DEFAULT_QUERY,
        query: LINKED.get("query") || undefined,
        variables: LINKED.get("variables") || undefined,
        operationName: LINKED.get("operationName") || undefined,
        defaultEditorToolsVisibility: "headers",
        isHeadersEditorEnabled: true,
        onEditHeaders: (text) => {
          edited.current = text;
        },
        shouldPersistHeaders: false,
        showPersistHeadersSettings: false,
      },
      createElement(GraphiQL.Logo, null, "Explorer"),
    ),
  );
}

ReactDOM.createRoot(document.getElementById("explorer")).render(createElement(Explorer));
