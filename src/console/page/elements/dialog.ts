/** A dialog over the page: the browser keeps the focus inside, and it goes back to where it was; Escape closes it, unless it must stay. */
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
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  function cancel(event: Event): void {
    event.preventDefault();
    if (!isModalOnly) onClose();
  }
  /** A second Escape closes it whatever the page says. */
  function leave(): void {
    if (!isModalOnly) onClose();
    else if (dialog.current?.isConnected === true) dialog.current.showModal();
  }
  return html`
    <dialog
      ref=${dialog}
      aria-labelledby="dialog-title"
      closedby=${isModalOnly ? 'none' : 'closerequest'}
      onCancel=${cancel}
      onClose=${leave}
    >
      <h2 id="dialog-title">${title}</h2>
      ${children}
    </dialog>
  `;
}
