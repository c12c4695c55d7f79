// What the signed-in person's token may do. The server decides; this only decides what is shown.
import { createContext } from "preact";
import { useContext } from "preact/hooks";

export interface Viewer {
  id: string;
  name: string | null;
  email: string | null;
  roles: string[];
  scopes: string[];
}

/** The global id of an account as a member of the room. */
export const memberId = (subject: string): string =>
  btoa(`Member:${subject}`).replaceAll("+", "-").replaceAll("/", "_");

export interface May {
  respond: boolean;
  seeInternal: boolean;
  commandAll: boolean;
  keepComponents: boolean;
  seeMembers: boolean;
  manageMembers: boolean;
  manageClients: boolean;
  readAudit: boolean;
  manageKeys: boolean;
  manageConnections: boolean;
}

/** Say what a token with these roles and scopes may do (see scopes.py). */
export function may({ roles, scopes }: Pick<Viewer, "roles" | "scopes">): May {
  const has = (scope: string) => scopes.includes(scope);
  const is = (...some: string[]) => some.some((role) => roles.includes(role));
  const responds = is("responder", "commander", "admin");
  return {
    respond: has("incidents:write") && responds,
    seeInternal: has("incidents:internal") && responds,
    commandAll: has("incidents:write") && is("commander", "admin"),
    keepComponents: has("components:write") && responds,
    seeMembers: has("members:read"),
    manageMembers: has("members:write") && is("admin"),
    manageClients: has("clients:write"),
    readAudit: has("audit:read") && is("admin"),
    manageKeys: has("keys:write"),
    manageConnections: has("connections:write"),
  };
}

export const ViewerContext = createContext<Viewer | null>(null);

/** Return the signed-in person, below a page that has one. */
export function useViewer(): Viewer & { may: May; memberId: string } {
  const viewer = useContext(ViewerContext);
  if (viewer === null) throw new Error("nobody is signed in");
  return { ...viewer, may: may(viewer), memberId: memberId(viewer.id) };
}
