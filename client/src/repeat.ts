import type { Answer } from "./errors.js";
import { operationOf } from "./operation-text.js";
import type { OperationInit, StepUpNeed, TokenSource } from "./operations.js";

/** A request that was refused. */
export interface Refused {
  /** Send it with a token, as often as it is called. */
  ask(token: string | null): Promise<Response>;
  /** The token that it was sent with. */
  sent: string | null;
  response: Response;
  init: OperationInit | undefined;
}

/**
 * Send a refused request once more where that helps: with another token, or after a step-up. It is sent in
 * the session `sid` only: if the page has another by then, the answer is the refusal.
 */
export async function repeated({ ask, sent, response, init = {} }: Refused, session: TokenSource, sid: string | undefined, stepUp: (need: StepUpNeed) => Promise<boolean>): Promise<Response> {
  const askAgain = async (): Promise<Response> => {
    sent = await session.token();
    return session.claims?.sid === sid ? ask(sent) : response;
  };
  let { code, need, data } = await faultOf(response);
  if (code === "TOKEN_EXPIRED") {
    session.expire(sent);
    response = await askAgain();
    ({ code, need, data } = await faultOf(response));
  }
  if (code === "TOKEN_REVOKED") {
    await session.reject(sent);
    response = await askAgain();
    ({ code, need, data } = await faultOf(response));
  }
  if (code !== "STEP_UP_REQUIRED" || !isRepeatable(init, data) || !(await stepUp(need))) return response;
  return askAgain();
}

interface Fault {
  code: string | undefined;
  need: StepUpNeed;
  data: object;
}

/** Read why a request was refused. */
async function faultOf(response: Response): Promise<Fault> {
  const answer = (await response.clone().json().catch(() => null)) as Answer | null;
  const errors = Array.isArray(answer?.errors) ? answer.errors : [];
  const found = errors.find((each) => each.extensions?.code === "STEP_UP_REQUIRED") ?? errors[0];
  const { code, maxAge, acrValues, issuer } = found?.extensions ?? {};
  return { code, need: { maxAge, acrValues, issuer }, data: answer?.data ?? {} };
}

/**
 * Tell whether an operation may be sent again: a mutation of several fields may have been done in part. The text says how
 * many it has; of one that was sent by an id, the answer does.
 */
function isRepeatable({ method, body, operationKind }: OperationInit, data: object): boolean {
  if (operationKind === "query" || method === "GET") return true;
  try {
    const { query, operationName } = JSON.parse(body as string) as { query?: string; operationName?: string };
    if (!query) return Object.keys(data).length === 1;
    const operation = operationOf(query, operationName);
    return operation?.type !== "mutation" || operation.roots === 1;
  } catch {
    return false;
  }
}

/** Return a function that tells what a request says beside its address, as often as it is called. */
export function partsOf(input: Request, init: RequestInit): () => RequestInit {
  const request = new Request(input, init);
  return () => {
    const { method, headers, body, signal, credentials, mode, redirect, cache } = request.clone();
    return { method, headers, body, signal, credentials, mode, redirect, cache, ...(body && { duplex: "half" }) } as RequestInit;
  };
}
