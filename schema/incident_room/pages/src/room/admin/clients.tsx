// Applications and services that request tokens.
import { useAction, useQuery } from "../data";
import { Confirm, CutOff, Empty, Fault, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { words } from "../words";

interface Client {
  id: string;
  name: string;
  authentication: string;
  grants: string[];
  scopes: string[];
  disabledAt: string | null;
}

const CLIENTS = "query RoomClients { clients(first: 100) { totalCount nodes { id name authentication grants scopes disabledAt } } }";
const REVOKE = "mutation RoomRevokeClient($client: ID!) { revokeClient(client: $client) { id } }";
const DISABLE = "mutation RoomDisableClient($client: ID!) { disableClient(client: $client) { id } }";

export function Clients() {
  const { data, error, reload } = useQuery<{ clients: { totalCount: number; nodes: Client[] } }>(CLIENTS);
  const action = useAction();
  const act = async (document: string, client: string) => void ((await action.run(document, { client })) && (await reload()));
  return (
    <Panel title="Clients" about="Applications and services that request tokens. Add one with `watchword client add`.">
      {data === null ? <Waiting error={error} /> : !data.clients.nodes.length && <Empty>There are none.</Empty>}
      <Fault>{action.error}</Fault>
      <ul class="things">
        {data?.clients.nodes.map((client) => (
          <li key={client.id}>
            <div class="grow">
              <strong>{client.name}</strong> {client.disabledAt && <span class="badge">Disabled</span>}
              <p class="quiet">
                <code>{client.id}</code> · {client.grants.map(words).join(", ")} · {words(client.authentication)}
              </p>
              <p class="quiet">{client.scopes.join(" ")}</p>
            </div>
            {!client.disabledAt && (
              <span class="actions">
                <Confirm label="End tokens" question={`End all tokens of ${client.name}?`} onConfirm={() => void act(REVOKE, client.id)} />
                <Confirm label="Disable" question={`Disable ${client.name} for good?`} onConfirm={() => void act(DISABLE, client.id)} />
              </span>
            )}
          </li>
        ))}
      </ul>
      {data && <CutOff shown={data.clients.nodes.length} of={data.clients.totalCount} what="clients" />}
    </Panel>
  );
}
