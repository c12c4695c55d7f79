// One incident: its state, who is here, who commands, and both timelines side by side.
import { useState } from "preact/hooks";
import { type Paged, useLive, usePaged } from "../data";
import { ImpactBadge, Link, More, StatusBadge, Time, Title, Waiting } from "../ui/parts";
import { say } from "../ui/toasts";
import { useViewer } from "../viewer";
import { happened } from "../words";
import { Changes } from "./changes";
import { INCIDENT, INCIDENT_EVENTS, type Incident, type Update } from "./documents";
import { Here } from "./here";
import { PostUpdate } from "./post";
import { Timeline } from "./timeline";

interface Answer {
  incident: Incident;
}

interface Happened {
  incidentUpdated: { kind: string };
}

export function IncidentPage({ id }: { id: string }) {
  const { may } = useViewer();
  const list = usePaged<Answer, Update>(may.seeMembers ? INCIDENT.withMembers : INCIDENT.without, { id }, ({ incident }) => incident.updates);
  const { data, error, reload } = list;
  useLive<Happened>(
    INCIDENT_EVENTS,
    { id },
    ({ incidentUpdated: { kind } }) => {
      say(happened(kind));
      void reload();
    },
    () => void reload(),
  );
  return (
    <>
      <p class="trail">
        <Link to={[]}>Incidents</Link>
      </p>
      {data === null ? <Waiting error={error} /> : <Shown incident={withAll(list, data)} list={list} />}
    </>
  );
}

/** The incident with the updates of all pages that are loaded. */
const withAll = ({ nodes }: Paged<Answer, Update>, { incident }: Answer): Incident => ({
  ...incident,
  updates: { ...incident.updates, nodes },
});

function Shown({ incident, list }: { incident: Incident; list: Paged<Answer, Update> }) {
  const { may } = useViewer();
  const { reload } = list;
  const updates = incident.updates.nodes;
  const [side, setSide] = useState<"PUBLIC" | "INTERNAL">("PUBLIC");
  return (
    <article>
      <header class={`incident-head is-${incident.impact}`}>
        <div class="badges">
          <ImpactBadge impact={incident.impact} />
          <StatusBadge status={incident.status} />
        </div>
        <Title>{incident.name}</Title>
        <p class="quiet">
          Began <Time at={incident.startedAt} /> · {incident.components.map(({ name }) => name).join(", ") || "no component"}
        </p>
        <dl class="facts">
          {may.seeMembers && (
            <div>
              <dt>Commander</dt>
              <dd id="commander">{incident.commander?.name ?? "Nobody yet"}</dd>
            </div>
          )}
          {may.seeInternal && (
            <div>
              <dt>Here now</dt>
              <dd>
                <Here id={incident.id} />
              </dd>
            </div>
          )}
        </dl>
      </header>
      <Changes incident={incident} reload={reload} />
      {may.respond && <PostUpdate incident={incident} reload={reload} onSide={setSide} />}
      <div class={may.seeInternal ? "timelines" : ""} data-side={side}>
        <Timeline title="Public" visibility="PUBLIC" updates={updates} note="The status page shows this." />
        {may.seeInternal && <Timeline title="Internal" visibility="INTERNAL" updates={updates} note="Only responders see this." />}
      </div>
      <More list={list} what="updates" />
    </article>
  );
}
