// The keys that sign tokens.
import { useAction, useQuery } from "../data";
import { Confirm, Fault, Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { Table } from "../ui/table";
import { KEYS, ROTATE } from "./documents";

interface Key {
  id: string;
  algorithm: string;
  state: "PUBLISHED" | "SIGNS" | "VERIFIES" | "OVER";
  createdAt: string;
  signsAt: string;
  retiresAt: string | null;
}

const STATES = { PUBLISHED: "Signs soon", SIGNS: "Signs", VERIFIES: "Verifies", OVER: "Over" };

export function Keys() {
  const { data, error, reload } = useQuery<{ signingKeys: Key[] }>(KEYS);
  const action = useAction();
  const rotate = async () => void ((await action.run(ROTATE, {})) && (await reload()));
  const button = <Confirm label="Make a new key" question="Publish a new key?" onConfirm={() => void rotate()} isBusy={action.isBusy} />;
  return (
    <Panel title="Signing keys" about="A new key is published first, and signs once caches know it." actions={data && button}>
      {data === null && <Waiting error={error} />}
      <Fault>{action.error}</Fault>
      <Table
        label="Signing keys"
        columns={["Key", "Algorithm", "State", "Made", "Changes"]}
        rows={(data?.signingKeys ?? []).map((key) => ({
          key: key.id,
          cells: [
            <code>{key.id}</code>,
            key.algorithm,
            <span class={`badge key-${key.state}`}>{STATES[key.state]}</span>,
            <Time at={key.createdAt} />,
            changeOf(key),
          ],
        }))}
      />
    </Panel>
  );
}

/** What happens to a key next. */
function changeOf({ state, signsAt, retiresAt }: Key) {
  const at = state === "PUBLISHED" ? signsAt : retiresAt;
  if (at === null) return null;
  return (
    <>
      {state === "PUBLISHED" ? "signs" : "deleted"} <Time at={at} />
    </>
  );
}
