/** A dialog over the page: the browser keeps the focus inside and gives it back; Escape closes it, unless it must stay. */
import { html, useEffect, useRef, type ComponentChildren, type VNode } from '../base/view.ts';

export interface DialogProperties {
  readonly title: string;
  readonly onClose: () => void;
  /** Only a button inside closes it: what it shows is shown once. */
  readonly isModalOnly?: boolean;
  readonly children?: ComponentChildren;
}

export function Dialog({ title, onClose, isModalOnly = false, children }: DialogProperties): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  function cancel(event: Event): void {
    event.preventDefault();
    if (!isModalOnly) onClose();
  }
  return html`
    <dialog ref=${dialog} aria-labelledby="dialog-title" onCancel=${cancel}>
      <h2 id="dialog-title">${title}</h2>
      ${children}
    </dialog>
  `;
}
