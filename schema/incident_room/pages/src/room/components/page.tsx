// The components of the status page: how each is, outside of any incident, and new ones.
import { useState } from "preact/hooks";
import { useLive, useQuery } from "../data";
import { Empty, Title, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { useViewer } from "../viewer";
import { words } from "../words";
import { ALL, type Component, EVENTS } from "./documents";
import { ChangeStatus, Register } from "./forms";

export function ComponentsPage() {
  const { may } = useViewer();
  const { data, error, reload } = useQuery<{ components: Component[] }>(ALL);
  const again = () => void reload();
  useLive(EVENTS, {}, again, again);
  // The id of a component; "new" for one that is registered.
  const [editing, setEditing] = useState<string | null>(null);
  const component = data?.components.find(({ id }) => id === editing);
  if (!may.keepComponents) return <Empty>There is nothing here for you.</Empty>;
  const close = () => setEditing(null);
  return (
    <>
      <div class="head">
        <Title>Components</Title>
        <button type="button" class="primary" onClick={() => setEditing("new")}>
          Register a component
        </button>
      </div>
      <p class="quiet">The status page shows a change at once. If people should know why, open an incident.</p>
      {data === null ? <Waiting error={error} /> : !data.components.length && <Empty>There are none.</Empty>}
      <div class="panels">
        {groupsOf(data?.components ?? []).map(([group, components]) => (
          <Panel key={group} title={group ?? "Without a group"}>
            <ul class="things components">
              {components.map((component) => (
                <Row key={component.id} component={component} onChange={() => setEditing(component.id)} />
              ))}
            </ul>
          </Panel>
        ))}
      </div>
      {editing === "new" && <Register groups={groupsOf(data?.components ?? []).flatMap(([group]) => group ?? [])} onClose={close} onDone={reload} />}
      {component && <ChangeStatus key={component.id} component={component} onClose={close} onDone={reload} />}
    </>
  );
}

function Row({ component: { name, description, status }, onChange }: { component: Component; onChange: () => void }) {
  return (
    <li>
      <div class="grow">
        <strong>{name}</strong>
        {description && <p class="quiet">{description}</p>}
      </div>
      <span class={`badge status is-${status}`}>{words(status)}</span>
      <button type="button" class="small" aria-label={`Change status of ${name}`} onClick={onChange}>
        Change
      </button>
    </li>
  );
}

/** The components by their group, each group where its first component is. */
function groupsOf(components: Component[]): [string | null, Component[]][] {
  const groups = new Map<string | null, Component[]>();
  for (const each of components) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
  return [...groups];
}
