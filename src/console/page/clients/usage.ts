/** What a client has sent in the last 24 hours: a chart, and the same in a table. */
import { useLoaded } from '../base/load.ts';
import { printNumber } from '../base/time.ts';
import { html, useMemo, type VNode } from '../base/view.ts';
import { Chart } from '../elements/chart.ts';
import { Shown } from '../elements/notice.ts';

interface Counts {
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicate: number;
}

interface Usage extends Counts {
  readonly hours: readonly (Counts & { readonly hour: string })[];
}

const KINDS = ['accepted', 'rejected', 'duplicate'] as const;
/** Duplicates are among the accepted. */
const DRAWN = ['accepted', 'rejected'] as const;

export function ClientUsage({ path }: { readonly path: string }): VNode {
  const usage = useLoaded<Usage>(path);
  return html`
    <section aria-labelledby="usage">
      <div class="heading">
        <h2 id="usage">Use</h2>
        <button type="button" class="plain" onClick=${usage.reload}>Count again</button>
      </div>
      <${Shown} state=${usage.state} onRetry=${usage.reload}>
        ${(body: Usage) => html`<${UsageChart} usage=${body} />`}
      </${Shown}>
    </section>
  `;
}

function UsageChart({ usage }: { readonly usage: Usage }): VNode {
  const { hours } = usage;
  const times = useMemo(() => hours.map(({ hour }) => Date.parse(hour) / 1000), [hours]);
  const lines = useMemo(
    () => DRAWN.map((kind) => ({ label: kind, values: hours.map((hour) => hour[kind]) })),
    [hours],
  );
  const used = hours.filter((hour) => KINDS.some((kind) => hour[kind] > 0));
  return html`
    <${Chart} title="Records in the last 24 hours, by hour" times=${times} lines=${lines} isBars=${true} />
    ${used.length === 0 && html`<p class="quiet">Nothing in that time. Gateways write what they have counted every 10 s.</p>`}
    ${usage.duplicate > 0 && html`<p class="quiet">Of the accepted, ${printNumber(usage.duplicate)} were there already.</p>`}
    ${
      used.length > 0 &&
      html`
      <details>
        <summary>As a table</summary>
        <table>
          <caption class="hidden">Records by hour</caption>
          <thead><tr><th scope="col">Hour</th>${KINDS.map((kind) => html`<th key=${kind} scope="col" class="end">${kind}</th>`)}</tr></thead>
          <tbody>
            ${used.map(
              (hour) => html`
                <tr key=${hour.hour}>
                  <th scope="row">${new Date(hour.hour).toLocaleString()}</th>
                  ${KINDS.map((kind) => html`<td key=${kind} class="end">${printNumber(hour[kind])}</td>`)}
                </tr>
              `,
            )}
          </tbody>
        </table>
      </details>
    `
    }
  `;
}
