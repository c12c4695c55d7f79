// The dialogs that add a client, and change one.
import { useAction } from "../data";
import { useVersionedDialog } from "../versioned";
import { words } from "../words";
import { type Client, ClientForm, type ClientInput } from "./client-form";
import { ADD_CLIENT, CHANGE_CLIENT } from "./documents";

/** A client with its new secret; null if it has none. */
export interface Made {
  client: { id: string; name: string };
  secret: string | null;
}

interface Props {
  onClose: () => void;
  onDone: (made: Made | null) => void;
}

export function AddClient({ onClose, onDone }: Props) {
  const action = useAction();
  const add = async (input: ClientInput, authentication: string) => {
    const made = await action.run<{ addClient: Made }>(ADD_CLIENT, { input: { ...input, authentication } });
    if (made !== null) onDone(made.addClient);
  };
  return <ClientForm client={null} action={action} onClose={onClose} onSend={(...given) => void add(...given)} />;
}

export function ChangeClient({ client, reload, onClose, onDone }: Props & { client: Client; reload: () => Promise<void> }) {
  const versioned = useVersionedDialog({ name: "client", now: client, reload, differences }, onClose);
  const change = (input: ClientInput) => {
    const mine = differences(client, { ...client, ...input }).join("; ") || "No change.";
    void versioned.send(CHANGE_CLIENT, input, `Change ${client.name}`, mine, () => onDone(null));
  };
  return versioned.conflict ?? <ClientForm client={client} action={versioned} onClose={onClose} onSend={change} />;
}

const SHOWN: [string, (client: Client) => string][] = [
  ["Name", ({ name }) => name],
  ["Grants", ({ grants }) => grants.map(words).join(", ")],
  ["Scopes", ({ scopes }) => scopes.join(" ")],
  ["Roles", ({ roles }) => roles.join(" ")],
  ["Redirect URIs", ({ redirectUris }) => redirectUris.join(" ")],
  ["Public keys", ({ jwks }) => JSON.stringify(jwks)],
  ["Only bound to a key", ({ needsDpop }) => (needsDpop ? "yes" : "no")],
  ["It may introspect tokens", ({ mayIntrospect }) => (mayIntrospect ? "yes" : "no")],
  ["Disabled", ({ disabledAt }) => (disabledAt ? "yes" : "no")],
];

const differences = (before: Client, now: Client): string[] =>
  SHOWN.filter(([, of]) => of(before) !== of(now)).map(([what, of]) => `${what}: ${of(now) || "none"}`);
