// Applications and services that request tokens.
import { useState } from "preact/hooks";
import { type Page, useAction, usePaged } from "../data";
import { Confirm, Empty, Fault, More, Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { words } from "../words";
import { AddClient, ChangeClient, type Made } from "./client-dialogs";
import type { Client } from "./client-form";
import { ADD_SECRET, CLIENTS, DISABLE_CLIENT, REMOVE_SECRET, REVOKE_CLIENT } from "./documents";

// What a client may have, so that one can follow the other.
const MOST_SECRETS = 2;

export function Clients() {
  const list = usePaged<{ clients: Page<Client> }, Client>(CLIENTS, {}, ({ clients }) => clients);
  const { data, error, nodes, reload } = list;
  const action = useAction();
  // The id of a client; "new" for one that is added.
  const [editing, setEditing] = useState<string | null>(null);
  const client = nodes.find(({ id }) => id === editing);
  const [made, setMade] = useState<Made | null>(null);
  const act = async (document: string, variables: Record<string, string>) => void ((await action.run(document, variables)) && (await reload()));
  const addSecret = async (client: string) => {
    const added = await action.run<{ addClientSecret: Made }>(ADD_SECRET, { client });
    if (added === null) return;
    setMade(added.addClientSecret);
    await reload();
  };
  const done = (added: Made | null) => {
    setEditing(null);
    setMade(added);
    void reload();
  };
  const button = (
    <button type="button" class="small" onClick={() => setEditing("new")}>
      Add a client
    </button>
  );
  return (
    <Panel title="Clients" about="Applications and services that request tokens." actions={data && button}>
      {data === null ? <Waiting error={error} /> : !nodes.length && <Empty>There are none.</Empty>}
      <Fault>{action.error}</Fault>
      {made && <NewSecret made={made} />}
      {editing === "new" && <AddClient onClose={() => setEditing(null)} onDone={done} />}
      {client && <ChangeClient key={client.id} client={client} reload={reload} onClose={() => setEditing(null)} onDone={done} />}
      <ul class="things">
        {nodes.map((client) => (
          <li key={client.id}>
            <About client={client} onRemove={(secret) => void act(REMOVE_SECRET, { client: client.id, secret })} />
            {!client.disabledAt && (
              <span class="actions">
                <button type="button" class="small" onClick={() => setEditing(client.id)}>
                  Change
                </button>
                {client.authentication === "SECRET" && client.secrets.length < MOST_SECRETS && (
                  <Confirm label="New secret" question={`Make another secret of ${client.name}?`} onConfirm={() => void addSecret(client.id)} />
                )}
                <Confirm label="End tokens" question={`End all tokens of ${client.name}?`} onConfirm={() => void act(REVOKE_CLIENT, { client: client.id })} />
                <Confirm label="Disable" question={`Disable ${client.name} for good?`} onConfirm={() => void act(DISABLE_CLIENT, { client: client.id })} />
              </span>
            )}
          </li>
        ))}
      </ul>
      <More list={list} what="clients" />
    </Panel>
  );
}

function About({ client, onRemove }: { client: Client; onRemove: (secret: string) => void }) {
  return (
    <div class="grow">
      <strong>{client.name}</strong> {client.disabledAt && <span class="badge">Disabled</span>}
      <p class="quiet">
        <code>{client.id}</code> · {client.grants.map(words).join(", ")} · {words(client.authentication)}
      </p>
      <p class="quiet">{client.scopes.join(" ")}</p>
      {client.secrets.length === MOST_SECRETS && (
        <ul class="quiet">
          {client.secrets.map(({ id, createdAt }) => (
            <li key={id}>
              Secret made <Time at={createdAt} /> <Confirm label="Remove" question="Remove this secret?" onConfirm={() => onRemove(id)} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const NewSecret = ({ made: { client, secret } }: { made: Made }) => (
  <div class="notice" role="status">
    <p>
      <strong>
        {client.name} is <code>{client.id}</code>.
      </strong>{" "}
      {secret && "Keep this secret. It is not shown again."}
    </p>
    {secret && <code class="secret">{secret}</code>}
  </div>
);
