// The list of incidents: those that go on, and the last of those that are over.
import { useState } from "preact/hooks";
import { useLiveQuery } from "../data";
import { CutOff, Empty, ImpactBadge, Link, StatusBadge, Time, Waiting } from "../ui/parts";
import { useViewer } from "../viewer";
import { LIST, LIST_EVENTS, type Summary } from "./documents";
import { OpenIncident } from "./open";

interface Lists {
  open: { totalCount: number; nodes: Summary[] };
  closed: { nodes: Summary[] };
}

export function IncidentList() {
  const { may } = useViewer();
  const { data, error } = useLiveQuery<Lists>(LIST, { members: may.seeMembers }, LIST_EVENTS);
  const [isOpening, setOpening] = useState(false);
  return (
    <>
      <div class="head">
        <h1>Incidents</h1>
        {may.respond && (
          <button type="button" class="primary" onClick={() => setOpening(true)}>
            Open an incident
          </button>
        )}
      </div>
      {isOpening && <OpenIncident onClose={() => setOpening(false)} />}
      {data === null ? (
        <Waiting error={error} />
      ) : (
        <>
          <section aria-labelledby="open">
            <h2 id="open">
              Open <span class="count">{data.open.totalCount}</span>
            </h2>
            <Rows incidents={data.open.nodes} none="Nothing is open. All is well." />
            <CutOff shown={data.open.nodes.length} of={data.open.totalCount} what="open incidents" />
          </section>
          <section aria-labelledby="closed">
            <h2 id="closed">Lately closed</h2>
            <Rows incidents={data.closed.nodes} none="Nothing was closed yet." />
          </section>
        </>
      )}
    </>
  );
}

function Rows({ incidents, none }: { incidents: Summary[]; none: string }) {
  if (!incidents.length) return <Empty>{none}</Empty>;
  return (
    <ul class="incidents">
      {incidents.map((incident) => (
        <li key={incident.id} class={`card row is-${incident.impact}`}>
          <div class="grow">
            <h3>
              <Link to={["incidents", incident.id]}>{incident.name}</Link>
            </h3>
            <p class="quiet">
              {[...incident.components.map(({ name }) => name)].join(", ") || "No component"}
              {incident.commander && <> · led by {incident.commander.name}</>}
            </p>
          </div>
          <div class="badges">
            <ImpactBadge impact={incident.impact} />
            <StatusBadge status={incident.status} />
          </div>
          <p class="quiet at">
            <Time at={incident.updatedAt} />
          </p>
        </li>
      ))}
    </ul>
  );
}
