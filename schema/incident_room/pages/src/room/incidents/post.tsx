// The form that posts an update, to the public or to responders only.
import { useState } from "preact/hooks";
import { Fault, Field, Select } from "../ui/parts";
import { useViewer } from "../viewer";
import { useVersioned } from "../versioned";
import { isOver, MAINTENANCE, STATUSES, type Visibility, words } from "../words";
import { differences } from "./differences";
import { type Incident, POST } from "./documents";

interface Props {
  incident: Incident;
  reload: () => Promise<void>;
  onSide: (side: Visibility) => void;
}

export function PostUpdate({ incident, reload, onSide }: Props) {
  const { may } = useViewer();
  const [body, setBody] = useState("");
  const [visibility, setVisibility] = useState<Visibility>("PUBLIC");
  const [status, setStatus] = useState("");
  const { begin, forget, send, isBusy, error, conflict } = useVersioned({ name: "incident", now: incident, reload, differences });
  const isPublic = visibility === "PUBLIC";
  const choose = (side: Visibility) => {
    setVisibility(side);
    onSide(side);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const changed = isPublic && status && status !== incident.status ? { status } : {};
    const title = isPublic ? `A public update${status ? `, status ${words(status)}` : ""}` : "An internal note";
    void send(POST, { body, visibility, ...changed }, title, body, () => {
      // The person may be writing the next one already.
      setBody((now) => (now === body ? "" : now));
      setStatus((now) => (now === status ? "" : now));
    });
  };
  const next = (incident.impact === "MAINTENANCE" ? MAINTENANCE : STATUSES).filter((each) => each !== incident.status);
  const options: [string, string][] = [["", `Stays ${words(incident.status)}`], ...next.map((each): [string, string] => [each, words(each)])];
  return (
    <form class="card post" onSubmit={submit} aria-label="Post an update">
      {may.seeInternal && (
        <div class="switch" role="radiogroup" aria-label="Who sees it">
          {(["PUBLIC", "INTERNAL"] as const).map((side) => (
            <label key={side} class={visibility === side ? "on" : ""}>
              <input type="radio" name="visibility" checked={visibility === side} onChange={() => choose(side)} />
              {side === "PUBLIC" ? "Public update" : "Internal note"}
            </label>
          ))}
        </div>
      )}
      <Field label={isPublic ? "What the public should know" : "What responders should know"}>
        {(id) => (
          <textarea
            id={id}
            rows={3}
            required
            value={body}
            onInput={(event) => {
              const text = event.currentTarget.value;
              if (text) begin();
              else forget();
              setBody(text);
            }}
          />
        )}
      </Field>
      <Fault>{error}</Fault>
      <div class="actions">
        {isPublic && !isOver(incident.status) && <Select label="Status" value={status} options={options} onChoose={setStatus} />}
        <button class="primary" disabled={isBusy}>
          {isPublic ? "Post update" : "Add note"}
        </button>
      </div>
      {conflict}
    </form>
  );
}
