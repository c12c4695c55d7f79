// The list of incidents: those that go on, and the last of those that are over.
import { useState } from "preact/hooks";
import { type Page, type Paged, useLive, usePaged } from "../data";
import { Empty, ImpactBadge, Link, More, StatusBadge, Time, Title, Waiting } from "../ui/parts";
import { say } from "../ui/toasts";
import { useViewer } from "../viewer";
import { happened } from "../words";
import { CLOSED_ONES, LIST_EVENTS, OPEN_ONES, type Summary } from "./documents";
import { OpenIncident } from "./open";

interface Answer {
  incidents: Page<Summary>;
}

interface Happened {
  incidentsChanged: { kind: string; incident: { name: string } | null };
}

export function IncidentList() {
  const { may } = useViewer(), form = may.seeMembers ? "withMembers" : "without";
  const open = usePaged<Answer, Summary>(OPEN_ONES[form], {}, ({ incidents }) => incidents);
  const closed = usePaged<Answer, Summary>(CLOSED_ONES[form], {}, ({ incidents }) => incidents);
  const again = () => void Promise.all([open.reload(), closed.reload()]);
  useLive<Happened>(
    LIST_EVENTS,
    {},
    ({ incidentsChanged: { kind, incident } }) => {
      if (incident) say(`${incident.name}: ${happened(kind)}`);
      again();
    },
    again,
  );
  const [isOpening, setOpening] = useState(false);
  return (
    <>
      <div class="head">
        <Title>Incidents</Title>
        {may.respond && (
          <button type="button" class="primary" onClick={() => setOpening(true)}>
            Open an incident
          </button>
        )}
      </div>
      {isOpening && <OpenIncident onClose={() => setOpening(false)} />}
      <section aria-labelledby="open">
        <h2 id="open">Open {open.data && <span class="count">{open.totalCount}</span>}</h2>
        <Rows list={open} none="Nothing is open. All is well." what="open incidents" />
      </section>
      <section aria-labelledby="closed">
        <h2 id="closed">Lately closed</h2>
        <Rows list={closed} none="Nothing was closed yet." what="closed incidents" />
      </section>
    </>
  );
}

function Rows({ list, none, what }: { list: Paged<Answer, Summary>; none: string; what: string }) {
  if (list.data === null) return <Waiting error={list.error} />;
  if (!list.nodes.length) return <Empty>{none}</Empty>;
  return (
    <>
      <Incidents incidents={list.nodes} />
      <More list={list} what={what} />
    </>
  );
}

function Incidents({ incidents }: { incidents: Summary[] }) {
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
