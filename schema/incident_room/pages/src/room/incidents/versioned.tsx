// Runs a change of an incident that was made on one version of it, and asks the person if there is a newer one.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { type Action, useAction } from "../data";
import { Conflict, type Draft } from "./conflict";
import type { Incident } from "./documents";

interface Versioned extends Omit<Action, "run"> {
  /** Note the state that the person sees when beginning to change something; the first call counts. */
  begin: () => void;
  /** Forget it, because the person gave up. */
  forget: () => void;
  /** Send the change. `words` says what it is. Returns whether it was made. */
  send: (document: string, input: object, title: string, words: string, done: () => void) => Promise<boolean>;
  /** The dialog, if somebody was faster. */
  conflict: JSX.Element | null;
}

export function useVersioned(incident: Incident, reload: () => Promise<void>, onKeep: () => void = () => {}): Versioned {
  const begun = useRef<Incident | null>(null);
  const [draft, setDraft] = useState<Draft | null>(null);
  const isConflict = useRef(false);
  const { run, ...action } = useAction(() => void (isConflict.current = true));
  const begin = () => void (begun.current ??= incident);
  const forget = () => void (begun.current = null);
  const send: Versioned["send"] = async (document, input, title, mine, done) => {
    begin();
    const before = begun.current ?? incident;
    const attempt = async (version: number): Promise<boolean> => {
      isConflict.current = false;
      const made = await run(document, { input: { ...input, incident: incident.id, version } });
      if (made !== null) {
        forget();
        done();
        return true;
      }
      if (isConflict.current) {
        await reload();
        setDraft({ before, title, mine, retry: async (newer) => void (await attempt(newer)) });
      }
      return false;
    };
    return attempt(before.version);
  };
  const keep = () => {
    forget();
    setDraft(null);
    onKeep();
  };
  const sendMine = () => {
    setDraft(null);
    void draft?.retry(incident.version);
  };
  const conflict = draft && <Conflict draft={draft} now={incident} onKeep={keep} onSend={sendMine} />;
  return { ...action, begin, forget, send, conflict };
}
