// What may be changed about an incident: buttons that open small dialogs. What the token may not do is absent.
import { useState } from "preact/hooks";
import { Dialog } from "../ui/dialog";
import { useViewer } from "../viewer";
import { useVersionedDialog } from "../versioned";
import { isOver } from "../words";
import { differences } from "./differences";
import type { Incident } from "./documents";
import { Commander, Components, Other } from "./forms";

type Kind = "status" | "impact" | "commander" | "components" | "resolve";

interface Props {
  incident: Incident;
  reload: () => Promise<void>;
}

export function Changes({ incident, reload }: Props) {
  const { may, memberId } = useViewer();
  const [kind, setKind] = useState<Kind | null>(null);
  if (!may.respond || isOver(incident.status)) return null;
  const leads = may.commandAll || incident.commander?.id === memberId;
  const isMaintenance = incident.impact === "MAINTENANCE";
  const offered: [Kind, string][] = [
    ["status", "Change status"],
    ...(isMaintenance ? [] : [["impact", "Change impact"] as [Kind, string]]),
    ["components", "Components"],
    ...(leads && may.seeMembers ? [["commander", "Assign commander"] as [Kind, string]] : []),
    ...(leads ? [["resolve", isMaintenance ? "Complete" : "Resolve"] as [Kind, string]] : []),
  ];
  return (
    <div class="toolbar" role="group" aria-label="Change the incident">
      {offered.map(([each, text]) => (
        <button key={each} type="button" class={each === "resolve" ? "good" : ""} onClick={() => setKind(each)}>
          {text}
        </button>
      ))}
      {kind && <Change key={kind} kind={kind} incident={incident} reload={reload} onClose={() => setKind(null)} />}
    </div>
  );
}

const TITLES: Record<Kind, string> = {
  status: "Change the status",
  impact: "Change the impact",
  commander: "Assign the commander",
  components: "Affected components",
  resolve: "Resolve the incident",
};

function Change({ kind, incident, reload, onClose }: Props & { kind: Kind; onClose: () => void }) {
  const versioned = useVersionedDialog({ name: "incident", now: incident, reload, differences }, onClose);
  const props = { incident, versioned, onClose };
  if (versioned.conflict) return versioned.conflict;
  return (
    <Dialog title={kind === "resolve" && incident.impact === "MAINTENANCE" ? "Complete the maintenance" : TITLES[kind]} onClose={onClose}>
      {kind === "commander" ? <Commander {...props} /> : kind === "components" ? <Components {...props} /> : <Other kind={kind} {...props} />}
    </Dialog>
  );
}
