// One timeline of an incident: the public one, or the internal one.
import { useAction } from "../data";
import { Empty, Fault, Time } from "../ui/parts";
import { useViewer } from "../viewer";
import { type Visibility, words } from "../words";
import { type Update, VISIBILITY } from "./documents";

interface Props {
  title: string;
  note: string;
  visibility: Visibility;
  updates: Update[];
}

export function Timeline({ title, note, visibility, updates }: Props) {
  const shown = updates.filter((update) => update.visibility === visibility);
  return (
    <section class={`timeline ${visibility.toLowerCase()}`} aria-label={`${title} timeline`}>
      <div class="head">
        <h2>{title}</h2>
        <p class="quiet">{note}</p>
      </div>
      {shown.length ? (
        <ol>
          {shown.map((update) => (
            <Entry key={update.id} update={update} />
          ))}
        </ol>
      ) : (
        <Empty>Nothing yet.</Empty>
      )}
    </section>
  );
}

function Entry({ update }: { update: Update }) {
  const { may } = useViewer();
  const { run, isBusy, error } = useAction();
  const isPublic = update.visibility === "PUBLIC";
  const turn = () => run(VISIBILITY, { input: { update: update.id, visibility: isPublic ? "INTERNAL" : "PUBLIC" } });
  return (
    <li class={`update is-${update.status}`}>
      <p class="said">
        <strong>{words(update.status)}</strong>
        <span class="quiet">
          <Time at={update.displayAt} />
          {update.author && <> · {update.author.name}</>}
        </span>
        {may.respond && may.seeInternal && (
          <button type="button" class="small plain" disabled={isBusy} onClick={() => void turn()}>
            {isPublic ? "Hide from the public" : "Show to the public"}
          </button>
        )}
      </p>
      <p class="body">{update.body}</p>
      <Fault>{error}</Fault>
    </li>
  );
}
