// GraphiQL's fetcher: queries and mutations over HTTP, subscriptions into the list below.
import type { Fetcher, FetcherParams } from "@graphiql/toolkit";
import { type OperationDefinitionNode, parse } from "graphql";
import type { Request, Subscriptions } from "./followed.js";
import { followWith } from "./own_token.js";
import { ENDPOINT } from "./page.js";
import type { Person } from "./session.js";
import { inWords } from "./session.js";

type Failure = { errors: { message: string }[] };

const failure = (message: string): Failure => ({ errors: [{ message }] });

/**
 * Return the operation that is to be run; undefined if it is not there, and the server says what is wrong.
 *
 * GraphiQL looks at the text a moment after it was changed, so that its name may be of an operation that was there before.
 */
function chosen({ query, operationName }: FetcherParams): OperationDefinitionNode | undefined {
  try {
    const operations = parse(query).definitions.filter((each) => each.kind === "OperationDefinition");
    const named = operations.find((each) => each.name?.value === operationName);
    return operationName && (named || operations.length > 1) ? named : operations[0];
  } catch {
    return undefined;
  }
}

/** Return what a list calls an operation: its name, or its first field. */
function title(operation: OperationDefinitionNode): string {
  const [field] = operation.selectionSet.selections;
  return operation.name?.value ?? (field?.kind === "Field" ? field.name.value : "subscription");
}

/** Tell whether the headers have a token of the person's own, which takes the place of the session's. */
const hasToken = (headers: Record<string, string>): boolean => Object.keys(headers).some((name) => name.toLowerCase() === "authorization");

export function fetcherOf(person: Person, subscriptions: Subscriptions): Fetcher {
  return async (params, { headers = {} } = {}) => {
    const operation = chosen(params);
    const own = hasToken(headers);
    const operationName = operation ? operation.name?.value : (params.operationName ?? undefined);
    const request = { query: params.query, variables: (params.variables ?? undefined) as object | undefined, operationName };
    if (operation?.operation !== "subscription") return overHttp(own ? fetch : person.session.fetch, request, headers);
    const name = title(operation);
    if (own) return followWith(headers, request);
    subscriptions.start(request, name);
    return { data: null, extensions: { follows: `${name} goes on in the list below, and other operations can run beside it.` } };
  };
}

async function overHttp(send: typeof fetch, request: Request, headers: Record<string, string>): Promise<object> {
  try {
    const response = await send(ENDPOINT, {
      method: "POST",
      headers: { accept: "application/graphql-response+json, application/json", ...headers, "content-type": "application/json" },
      body: JSON.stringify(request),
      credentials: "same-origin",
    });
    return await response.json().catch(() => failure(`The server answered with ${response.status} and no JSON.`));
  } catch (error) {
    return failure(inWords(error));
  }
}
