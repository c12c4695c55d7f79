// Who is connected now, from where, until when, to what, how far behind.
import { useEffect } from "preact/hooks";
import { useAction, usePaged } from "../data";
import { Confirm, Empty, Fault, More, Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { Table } from "../ui/table";
import { words } from "../words";
import { CONNECTIONS, END_CONNECTION } from "./documents";

interface Connection {
  id: string;
  name: string | null;
  subject: string | null;
  address: string;
  transport: string;
  openedAt: string;
  endsAt: string | null;
  unsentBytes: number;
  places: string[];
  current: boolean;
  subscriptions: { operation: string | null; behind: number }[];
}

interface Answer {
  liveConnections: { nodes: Connection[]; totalCount: number; endCursor: string | null; processes: number; silentProcesses: number };
}

const EVERY_MILLISECONDS = 5_000;

export function Connections() {
  const list = usePaged<Answer, Connection>(CONNECTIONS, {}, pageOf);
  const { data, error, nodes, reload } = list;
  const action = useAction();
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && void reload(), EVERY_MILLISECONDS);
    return () => clearInterval(timer);
  }, [reload]);
  const end = async (id: string) => void ((await action.run(END_CONNECTION, { id })) && (await reload()));
  const found = data?.liveConnections;
  const about = found
    ? `${found.totalCount} open, on ${found.processes} ${found.processes === 1 ? "process" : "processes"}${found.silentProcesses ? `; ${found.silentProcesses} did not answer` : ""}.`
    : undefined;
  return (
    <Panel title="Live connections" about={about}>
      {!found && <Waiting error={error} />}
      {found && error && <Fault>{error}</Fault>}
      <Fault>{action.error}</Fault>
      {found && !nodes.length && <Empty>Nobody is connected.</Empty>}
      <Table
        label="Live connections"
        columns={["Who", "From", "Open", "Follows", "Behind", "Do"]}
        rows={nodes.map((each) => ({ key: each.id, cells: cellsOf(each, () => void end(each.id)) }))}
      />
      <More list={list} what="connections" />
    </Panel>
  );
}

const pageOf = ({ liveConnections: { nodes, totalCount, endCursor } }: Answer) => ({
  nodes,
  totalCount,
  pageInfo: { hasNextPage: endCursor !== null, endCursor },
});

function cellsOf({ name, subject, address, transport, openedAt, endsAt, subscriptions, unsentBytes, places }: Connection, onEnd: () => void) {
  const behind = subscriptions.reduce((sum, each) => sum + each.behind, 0);
  return [
    name ?? subject ?? "Anybody",
    <>
      {address}
      <p class="quiet">{words(transport)}</p>
    </>,
    <>
      <Time at={openedAt} />
      {endsAt && (
        <p class="quiet">
          token ends <Time at={endsAt} />
        </p>
      )}
    </>,
    <>
      {subscriptions.map(({ operation }) => operation ?? "unnamed").join(", ") || "nothing"}
      {places.length > 0 && <p class="quiet">present at {places.join(", ")}</p>}
    </>,
    <>
      {behind} {behind === 1 ? "event" : "events"}
      {unsentBytes > 0 && <p class="quiet">{unsentBytes} bytes unread</p>}
    </>,
    <Confirm label="End" question="End this connection?" onConfirm={onEnd} />,
  ];
}
