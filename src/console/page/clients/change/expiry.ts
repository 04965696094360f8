/** When a client ends by itself: never, after a time, or at a moment. */
import type { Problem } from '../../base/api.ts';
import { html, useState, type VNode } from '../../base/view.ts';
import { Field } from '../../elements/field.ts';

export interface ExpiryFieldProperties {
  /** RFC 3339; null: never. */
  readonly value: string | null;
  readonly problem: Problem | null;
  readonly onChange: (value: string | null) => void;
}

const DAY_MS = 86_400_000;
const DAYS = { '30 days': 30, '90 days': 90, '1 year': 365 } as const;

export function ExpiryField({ value, problem, onChange }: ExpiryFieldProperties): VNode {
  const [choice, setChoice] = useState(value === null ? 'never' : 'at');

  function choose(event: Event): void {
    const chosen = (event.currentTarget as HTMLSelectElement).value;
    setChoice(chosen);
    const days = DAYS[chosen as keyof typeof DAYS] as number | undefined;
    if (chosen === 'never') onChange(null);
    else onChange(new Date(Date.now() + (days ?? 30) * DAY_MS).toISOString());
  }

  function set(event: Event): void {
    const time = new Date((event.currentTarget as HTMLInputElement).value);
    if (!Number.isNaN(time.getTime())) onChange(time.toISOString());
  }

  return html`
    <${Field} name="expires_at" label="Ends" advice="After that the token is refused." problem=${problem}>
      ${(attributes: object) => html`
        <div class="pair">
          <select value=${choice} onChange=${choose} ...${attributes}>
            <option value="never">never</option>
            ${Object.keys(DAYS).map((name) => html`<option key=${name} value=${name}>in ${name}</option>`)}
            <option value="at">at …</option>
          </select>
          ${
            choice === 'at' &&
            html`<input type="datetime-local" aria-label="Ends at" value=${printLocal(value)} onChange=${set} />`
          }
        </div>
      `}
    </${Field}>
  `;
}

/** As the browser's field wants it: local, to the minute. */
function printLocal(value: string | null): string {
  if (value === null) return '';
  const time = new Date(value);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
