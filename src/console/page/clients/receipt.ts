/** Which gateways have applied a roll or a revocation: asked again until all of them do, or until the bound is over. */
import { ask } from '../base/api.ts';
import { html, useEffect, useState, type VNode } from '../base/view.ts';
import type { Receipt } from './client.ts';

const POLL_MS = 500;

/** What the receipt is of: while it is open, and then. */
const TITLES = {
  revoked: ['The token is ending', 'The token is refused everywhere'],
  rolled: ['The old token is ending', 'The old token is refused everywhere'],
  graceful: ['The new token is becoming known', 'The new token is known everywhere; the old one ends later'],
} as const;

export interface Ended {
  readonly receipt: Receipt;
  readonly what: keyof typeof TITLES;
}

export function ReceiptNotice({ receipt, what }: Ended): VNode {
  const [now, setNow] = useState(receipt);
  const pending = now.pending ?? [];
  const isOpen = now.pending === undefined || pending.length > 0;

  useEffect(() => {
    if (!isOpen) return undefined;
    const endsAtMs = performance.now() + receipt.bound_ms;
    const timer = setInterval(() => {
      if (performance.now() > endsAtMs) clearInterval(timer);
      void ask<Receipt>('GET', `/api/revocations/${receipt.sequence}`).then((answer) => {
        if (answer.isGood) setNow(answer.body);
      });
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [isOpen]);

  const applied = now.applied_by ?? [];
  const seconds = Math.round(now.bound_ms / 1000);
  return html`
    <section class="receipt" aria-labelledby="receipt-title">
      <h2 id="receipt-title">${TITLES[what][isOpen ? 0 : 1]}</h2>
      <ul class="plain" role="status">
        ${applied.map((name) => html`<li key=${name} class="applied">${name} <span class="quiet">has applied it</span></li>`)}
        ${pending.map((name) => html`<li key=${name} class="pending">${name} <span class="quiet">has not said so yet</span></li>`)}
      </ul>
      ${isOpen && html`<p class="quiet">No gateway goes on as before for longer than ${seconds} s after the change, whatever is broken.</p>`}
      <p class="quiet">Revocation ${now.sequence}</p>
    </section>
  `;
}
