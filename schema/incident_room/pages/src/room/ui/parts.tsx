// Small parts that every page uses.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ago, type Impact, type Status, when, words } from "../words";
import type { Paged } from "../data";
import { go, href } from "../router";

export const Time = ({ at }: { at: string }) => (
  <time dateTime={at} title={when(at)}>
    {ago(at)}
  </time>
);

export const StatusBadge = ({ status }: { status: Status }) => <span class={`badge status is-${status}`}>{words(status)}</span>;

export const ImpactBadge = ({ impact }: { impact: Impact }) => (
  <span class={`badge impact is-${impact}`}>{impact === "NONE" ? "No impact" : words(impact)}</span>
);

// What the window is called before anything is shown.
const ROOM = document.title;

/** The heading of a page, which is also the title of the window: a screen reader says it after a step back. */
export function Title({ children, of = children }: { children: string; of?: string }) {
  useEffect(() => {
    document.title = of === ROOM ? ROOM : `${of} · ${ROOM}`;
  }, [of]);
  return <h1>{children}</h1>;
}

/** A link inside the room. */
export function Link({ to, children, ...rest }: { to: string[]; children: ComponentChildren } & JSX.HTMLAttributes<HTMLAnchorElement>) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(...to);
  };
  return (
    <a href={href(...to)} onClick={follow} {...rest}>
      {children}
    </a>
  );
}

/** Says how many entries a list has if they are not all shown, with a button for more of them. */
export function More({ list: { nodes, totalCount, more }, what }: { list: Pick<Paged<unknown, unknown>, "nodes" | "totalCount" | "more">; what: string }) {
  const [isAsked, ask] = useState(false);
  const said = useRef<HTMLSpanElement>(null);
  // The button goes when all is shown, and the focus would go with it.
  useEffect(() => {
    if (isAsked && !more && document.activeElement === document.body) said.current?.focus();
  }, [isAsked, !more]);
  if (!more && !isAsked) return null;
  return (
    <p class="more">
      <span class="quiet" role="status" tabIndex={-1} ref={said}>
        {more ? `${nodes.length} of ${totalCount}` : `All ${nodes.length}`} {what}
      </span>
      {more && (
        <button
          type="button"
          class="small"
          onClick={() => {
            ask(true);
            more();
          }}
        >
          Show more {what}
        </button>
      )}
    </p>
  );
}

interface FieldProps {
  label: string;
  hint?: string;
  children: (id: string, describedBy: string | undefined) => ComponentChildren;
}

/** A labelled control. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hint ? `${id}-hint` : undefined)}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

type InputProps = { label: string; hint?: string; onText: (text: string) => void } & JSX.InputHTMLAttributes<HTMLInputElement>;

export const Input = ({ label, hint, onText, ...rest }: InputProps) => (
  <Field label={label} hint={hint}>
    {(id, described) => <input id={id} aria-describedby={described} onInput={(event) => onText(event.currentTarget.value)} {...rest} />}
  </Field>
);

interface SelectProps {
  label: string;
  value: string;
  options: [value: string, text: string][];
  onChoose: (value: string) => void;
}

export const Select = ({ label, value, options, onChoose }: SelectProps) => (
  <Field label={label}>
    {(id) => (
      <select id={id} value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    )}
  </Field>
);

export const Fault = ({ children }: { children: ComponentChildren }) =>
  children ? (
    <p class="fault" role="alert">
      {children}
    </p>
  ) : null;

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;

/** What is shown while something loads, and if it cannot be loaded. */
export const Waiting = ({ error }: { error: string | null }) =>
  error ? <Fault>{error}</Fault> : <p class="empty" role="status">Loading …</p>;

/** Give the focus to an element that takes the place of what had it. */
export function useFocus<Element extends HTMLElement>() {
  const element = useRef<Element>(null);
  useLayoutEffect(() => element.current?.focus(), []);
  return element;
}

/** A button that asks "really?" in its own place before it does what cannot be undone. */
export function Confirm({ label, question, onConfirm, isBusy }: { label: string; question: string; onConfirm: () => void; isBusy?: boolean }) {
  const [isAsking, ask] = useState(false);
  // The answers go with the question, and the focus would go with them.
  const wasAsked = useRef(false);
  if (!isAsking) {
    return (
      <button
        type="button"
        class="small"
        ref={(button) => {
          if (button && wasAsked.current) {
            wasAsked.current = false;
            button.focus();
          }
        }}
        onClick={() => {
          wasAsked.current = true;
          ask(true);
        }}
      >
        {label}
      </button>
    );
  }
  return (
    <span class="confirm" role="group" aria-label={question}>
      <span>{question}</span>
      <button
        type="button"
        class="small danger"
        disabled={isBusy}
        ref={(button) => button?.focus()}
        onClick={() => {
          ask(false);
          onConfirm();
        }}
      >
        {label}
      </button>
      <button type="button" class="small plain" onClick={() => ask(false)}>
        Cancel
      </button>
    </span>
  );
}
