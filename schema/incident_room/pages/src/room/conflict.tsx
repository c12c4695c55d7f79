// What the person sees if somebody was faster: what both have done, and the choice between the two.
import { Dialog } from "./ui/dialog";

/** What the person wanted to do. */
export interface Draft {
  title: string;
  mine: string;
  retry: (version: number) => Promise<void>;
}

interface Props {
  /** What both have changed, in a word. */
  what: string;
  draft: Draft;
  /** What the other has changed, in words. */
  theirs: string[];
  onKeep: () => void;
  onSend: () => void;
}

export function Conflict({ what, draft, theirs, onKeep, onSend }: Props) {
  return (
    <Dialog title="Somebody was faster" onClose={onKeep} isWide>
      <p>The {what} has changed since you began. Nothing of yours was saved yet.</p>
      <div class="two versus">
        <section aria-label="Yours">
          <h3>Yours</h3>
          <p class="quiet">{draft.title}</p>
          <p class="body">{draft.mine}</p>
        </section>
        <section aria-label="Theirs">
          <h3>Theirs</h3>
          <ul>
            {(theirs.length ? theirs : ["Something that you do not see."]).map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </section>
      </div>
      <div class="actions">
        <button type="button" onClick={onKeep}>
          Keep theirs
        </button>
        <button type="button" class="primary" onClick={onSend}>
          Send mine anyway
        </button>
      </div>
    </Dialog>
  );
}
