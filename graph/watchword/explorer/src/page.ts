// What the page was served with: where the server is, what its link says, and where the editor's workers are.

// A proxy may serve this page below a path.
const BASE = location.pathname.replace(/\/graphql\/?$/, "");
export const ORIGIN = location.origin + BASE;
export const ENDPOINT = `${ORIGIN}/graphql`;

const place = document.getElementById("explorer")!;
export const PLACE = place;
/** The origin that DPoP proofs have to name, before the path of this page; empty if tokens need not be bound to a key. */
export const ISSUER = place.dataset["issuer"] && new URL(place.dataset["issuer"]).origin;
const workers = JSON.parse(place.dataset["workers"] ?? "{}") as Record<string, string>;

/** Start a worker of the editor, by the name that the editor gives it. */
export function worker(label: string): Worker {
  const url = workers[`${label}.worker.js`] ?? workers["editor.worker.js"]!;
  return new Worker(new URL(url, document.baseURI));
}

// A link may contain an operation. It is shown, but not run: an attacker may have written it.
const search = new URLSearchParams(location.search);
export const LINKED = {
  query: search.get("query") || undefined,
  variables: search.get("variables") || undefined,
  operationName: search.get("operationName") || undefined,
};

/** Return a link to this page that shows an operation. */
export function linkTo(operation: { query: string; variables?: string | undefined; operationName?: string | undefined }): string {
  const given = Object.entries(operation).filter((entry): entry is [string, string] => Boolean(entry[1]?.trim()));
  return `${ENDPOINT}?${new URLSearchParams(given)}`;
}

export const WELCOME = `# This is what the public sees.
# Sign in above to see more, and to change things.
# Subscriptions go on below while you run others.

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
