// A titled part of a page, with what can be done at its top.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  title: string;
  about?: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel({ title, about, actions, children }: Props) {
  const id = useId();
  return (
    <section class="card panel" aria-labelledby={id}>
      <div class="head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {about && <p class="quiet">{about}</p>}
      {children}
    </section>
  );
}
