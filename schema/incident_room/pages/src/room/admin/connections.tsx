// Who is connected now, from where, until when, to what, how far behind.
import { useEffect } from "preact/hooks";
import { useAction, useQuery } from "../data";
import { Confirm, Empty, Fault, Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { words } from "../words";

interface Connection {
  id: string;
  name: string | null;
  subject: string | null;
  address: string;
  transport: string;
  openedAt: string;
  endsAt: string | null;
  unsentBytes: number;
  current: boolean;
  subscriptions: { operation: string | null; behind: number }[];
}

interface Answer {
  liveConnections: { nodes: Connection[]; totalCount: number; processes: number; silentProcesses: number };
}

const LIST = `query RoomConnections { liveConnections(first: 100) {
  totalCount processes silentProcesses
  nodes { id name subject address transport openedAt endsAt unsentBytes current subscriptions { operation behind } }
} }`;
const END = "mutation RoomEnd($id: ID!) { endConnection(id: $id) }";
const EVERY_MILLISECONDS = 5_000;

export function Connections() {
  const { data, error, reload } = useQuery<Answer>(LIST);
  const action = useAction();
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && void reload(), EVERY_MILLISECONDS);
    return () => clearInterval(timer);
  }, [reload]);
  const end = async (id: string) => void ((await action.run(END, { id })) && (await reload()));
  const found = data?.liveConnections;
  const about = found
    ? `${found.totalCount} open, on ${found.processes} ${found.processes === 1 ? "process" : "processes"}${found.silentProcesses ? `; ${found.silentProcesses} did not answer` : ""}.`
    : undefined;
  return (
    <Panel title="Live connections" about={about}>
      {!found && <Waiting error={error} />}
      {found && error && <Fault>{error}</Fault>}
      <Fault>{action.error}</Fault>
      {found && !found.nodes.length && <Empty>Nobody is connected.</Empty>}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Who</th>
              <th scope="col">From</th>
              <th scope="col">Open</th>
              <th scope="col">Follows</th>
              <th scope="col">Behind</th>
              <th scope="col">Do</th>
            </tr>
          </thead>
          <tbody>
            {found?.nodes.map((each) => (
              <Row key={each.id} connection={each} onEnd={() => void end(each.id)} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Row({ connection, onEnd }: { connection: Connection; onEnd: () => void }) {
  const { name, subject, subscriptions, unsentBytes } = connection;
  const behind = subscriptions.reduce((sum, each) => sum + each.behind, 0);
  return (
    <tr>
      <th scope="row">{name ?? subject ?? "Anybody"}</th>
      <td>
        {connection.address}
        <p class="quiet">{words(connection.transport)}</p>
      </td>
      <td>
        <Time at={connection.openedAt} />
        {connection.endsAt && (
          <p class="quiet">
            token ends <Time at={connection.endsAt} />
          </p>
        )}
      </td>
      <td>{subscriptions.map(({ operation }) => operation ?? "unnamed").join(", ") || "nothing"}</td>
      <td>
        {behind} {behind === 1 ? "event" : "events"}
        {unsentBytes > 0 && <p class="quiet">{unsentBytes} bytes unread</p>}
      </td>
      <td>
        <Confirm label="End" question="End this connection?" onConfirm={onEnd} />
      </td>
    </tr>
  );
}
