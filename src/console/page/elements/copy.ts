/** Text to take along, with a button that copies it. */
import { announce, html, useRef, useState, type VNode } from '../base/view.ts';

export function Copyable(properties: { readonly label: string; readonly text: string }): VNode {
  const { label, text } = properties;
  const code = useRef<HTMLElement>(null);
  const [isCopied, setCopied] = useState(false);

  async function copy(): Promise<void> {
    const isDone = await copyText(text, code.current);
    setCopied(isDone);
    announce(isDone ? `${label} copied` : `${label} is selected: copy it with the keyboard`);
  }

  return html`
    <div class="copyable">
      <code ref=${code} tabindex="0" role="textbox" aria-readonly="true" aria-label=${label}>${text}</code>
      <button type="button" onClick=${copy}>
        ${isCopied ? 'Copied' : 'Copy'}<span class="hidden"> ${label.toLowerCase()}</span>
      </button>
    </div>
  `;
}

/** The clipboard is for secure pages alone; elsewhere the text is selected, and the old command may still copy it. */
async function copyText(text: string, shown: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (shown === null) return false;
    getSelection()?.selectAllChildren(shown);
    return document.execCommand('copy');
  }
}
