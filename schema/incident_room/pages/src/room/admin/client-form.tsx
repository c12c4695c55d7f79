// The form of a client that is added or changed.
import { useState } from "preact/hooks";
import type { Action } from "../data";
import { Dialog } from "../ui/dialog";
import { Fault, Field, Input, Select } from "../ui/parts";
import { words } from "../words";

export interface Client {
  id: string;
  name: string;
  authentication: string;
  grants: string[];
  scopes: string[];
  roles: string[];
  redirectUris: string[];
  jwks: unknown;
  needsDpop: boolean;
  mayIntrospect: boolean;
  disabledAt: string | null;
  version: number;
  secrets: { id: string; createdAt: string }[];
}

const GRANTS = ["AUTHORIZATION_CODE", "REFRESH_TOKEN", "CLIENT_CREDENTIALS"];
const AUTHENTICATIONS: [string, string][] = [["SECRET", "A secret"], ["KEY", "A key of its own"], ["NONE", "Nothing: it is an app that people install"]];

/** What the form gives: the input of both mutations. */
export type ClientInput = Omit<Client, "id" | "authentication" | "disabledAt" | "version" | "secrets">;

interface Props {
  /** The client to change; null to add one. */
  client: Client | null;
  action: Pick<Action, "isBusy" | "error">;
  onClose: () => void;
  onSend: (input: ClientInput, authentication: string) => void;
}

export function ClientForm({ client, action, onClose, onSend }: Props) {
  const [name, setName] = useState(client?.name ?? "");
  const [authentication, setAuthentication] = useState(client?.authentication ?? "SECRET");
  const [grants, setGrants] = useState(client?.grants ?? []);
  const [texts, setTexts] = useState(textsOf(client));
  const [needsDpop, setNeedsDpop] = useState(client?.needsDpop ?? false);
  const [mayIntrospect, setMayIntrospect] = useState(client?.mayIntrospect ?? false);
  const [fault, setFault] = useState<string | null>(null);
  const toggle = (grant: string) => setGrants(grants.includes(grant) ? grants.filter((each) => each !== grant) : [...grants, grant]);
  const submit = (event: Event) => {
    event.preventDefault();
    const jwks = keysIn(texts.jwks);
    setFault(jwks === undefined ? "The public keys are no JSON." : null);
    if (jwks === undefined) return;
    const lists = { scopes: split(texts.scopes), roles: split(texts.roles), redirectUris: split(texts.redirectUris) };
    onSend({ name, grants, ...lists, jwks, needsDpop, mayIntrospect }, authentication);
  };
  const text = (member: keyof Texts, label: string, hint: string) => (
    <Input label={label} hint={hint} value={texts[member]} onText={(value) => setTexts({ ...texts, [member]: value })} />
  );
  return (
    <Dialog title={client ? `Change ${client.name}` : "Add a client"} onClose={onClose} isWide>
      <form onSubmit={submit}>
        <Input label="Name" required maxLength={100} value={name} onText={setName} />
        {client === null && <Select label="It proves who it is by" value={authentication} options={AUTHENTICATIONS} onChoose={setAuthentication} />}
        <fieldset class="choices">
          <legend>Grants</legend>
          {GRANTS.map((grant) => (
            <Choice key={grant} label={words(grant)} is={grants.includes(grant)} onTurn={() => toggle(grant)} />
          ))}
        </fieldset>
        {text("scopes", "Scopes", "The most that its tokens may do, separated by spaces.")}
        {text("roles", "Roles", "When it acts for itself, separated by spaces. May stay empty.")}
        {text("redirectUris", "Redirect URIs", "Where people come back to, separated by spaces. May stay empty.")}
        {authentication === "KEY" && (
          <Field label="Public keys" hint="A JSON Web Key Set (RFC 7517).">
            {(id, described) => (
              <textarea id={id} aria-describedby={described} rows={4} value={texts.jwks} onInput={(event) => setTexts({ ...texts, jwks: event.currentTarget.value })} />
            )}
          </Field>
        )}
        <fieldset class="choices">
          <legend>Tokens</legend>
          <Choice label="Only bound to a key (DPoP)" is={needsDpop} onTurn={() => setNeedsDpop(!needsDpop)} />
          <Choice label="It may introspect tokens" is={mayIntrospect} onTurn={() => setMayIntrospect(!mayIntrospect)} />
        </fieldset>
        <Fault>{fault ?? action.error}</Fault>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class="primary" disabled={action.isBusy}>
            {client ? "Save" : "Add"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const Choice = ({ label, is, onTurn }: { label: string; is: boolean; onTurn: () => void }) => (
  <label class="choice">
    <input type="checkbox" checked={is} onChange={onTurn} />
    {label}
  </label>
);

type Texts = Record<"scopes" | "roles" | "redirectUris" | "jwks", string>;

const textsOf = (client: Client | null): Texts => ({
  scopes: client?.scopes.join(" ") ?? "",
  roles: client?.roles.join(" ") ?? "",
  redirectUris: client?.redirectUris.join(" ") ?? "",
  jwks: client?.jwks ? JSON.stringify(client.jwks, null, 2) : "",
});

const split = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** Return what a JSON text says, null for an empty one, and undefined for one that is no JSON. */
function keysIn(text: string): unknown {
  try {
    return text.trim() ? JSON.parse(text) : null;
  } catch {
    return undefined;
  }
}
