// Runs a change that was made on one version of a thing, and asks the person if there is a newer one.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Conflict, type Draft } from "./conflict";
import { type Action, useAction } from "./data";

/** What is changed. */
export interface Subject<Thing> {
  /** The member of a mutation's input that names it. */
  name: "incident" | "component" | "member" | "client";
  /** The newest state of it that is loaded. */
  now: Thing;
  reload: () => Promise<void>;
  /** Say in words what is different between two states of it. */
  differences: (before: Thing, now: Thing) => string[];
}

export interface Versioned extends Omit<Action, "run"> {
  /** Note the state that the person sees when beginning to change something; the first call counts. */
  begin: () => void;
  /** Forget it, because the person gave up. */
  forget: () => void;
  /** Send the change. `words` says what it is. Returns whether it was made. */
  send: (document: string, input: object, title: string, words: string, done: () => void) => Promise<boolean>;
  /** The dialog, if somebody was faster. */
  conflict: JSX.Element | null;
}

export function useVersioned<Thing extends { id: string; version: number }>(
  { name, now, reload, differences }: Subject<Thing>,
  onKeep: () => void = () => {},
): Versioned {
  const begun = useRef<Thing | null>(null);
  const [draft, setDraft] = useState<(Draft & { before: Thing }) | null>(null);
  const isConflict = useRef(false);
  const { run, ...action } = useAction(() => void (isConflict.current = true));
  const begin = () => void (begun.current ??= now);
  const forget = () => void (begun.current = null);
  const send: Versioned["send"] = async (document, input, title, mine, done) => {
    begin();
    const before = begun.current ?? now;
    const attempt = async (version: number): Promise<boolean> => {
      isConflict.current = false;
      const made = await run(document, { input: { ...input, [name]: now.id, version } });
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
    void draft?.retry(now.version);
  };
  const conflict = draft && <Conflict what={name} draft={draft} theirs={differences(draft.before, now)} onKeep={keep} onSend={sendMine} />;
  return { ...action, begin, forget, send, conflict };
}

/** As `useVersioned`, in a dialog: what the person saw when it opened is what the change is made on. */
export function useVersionedDialog<Thing extends { id: string; version: number }>(subject: Subject<Thing>, onClose: () => void): Versioned {
  const versioned = useVersioned(subject, onClose);
  useEffect(versioned.begin, []);
  return versioned;
}
