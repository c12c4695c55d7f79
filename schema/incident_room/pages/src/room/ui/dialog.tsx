// A modal dialog: the browser's own, which keeps the focus inside, closes with Escape and gives the focus back.
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Toasts } from "./toasts";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  isWide?: boolean;
}

export function Dialog({ title, onClose, children, isWide = false }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Before the browser paints: who sees the dialog may type, and must not have the focus moved while typing.
  useLayoutEffect(() => {
    const before = document.activeElement, dialog = element.current!;
    dialog.showModal();
    dialog.focus();
    focusFirst(dialog);
    // What a dialog has to load first is not there yet.
    const watcher = new MutationObserver(() => focusFirst(dialog));
    watcher.observe(dialog, { childList: true, subtree: true });
    return () => {
      watcher.disconnect();
      // While it is open, the browser gives the focus to nothing outside of it.
      dialog.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={isWide ? "wide" : ""}
      tabIndex={-1}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="head">
        <h2 id={heading}>{title}</h2>
        <button type="button" class="plain close" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </div>
      {children}
      <Toasts />
    </dialog>
  );
}

/** Give the focus of a dialog to the first thing to fill in, or to the first answer, rather than to the button that closes. */
function focusFirst(dialog: HTMLDialogElement): void {
  if (document.activeElement !== dialog) return;
  const found = dialog.querySelector<HTMLElement>("form input, form select, form textarea") ?? dialog.querySelector<HTMLElement>(".actions button");
  found?.focus();
}
