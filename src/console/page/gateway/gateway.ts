/** #/gateway: the last 15 minutes of the gateway that serves this page. */
import { printBytes, printNumber } from '../base/time.ts';
import { html, useMemo, type VNode } from '../base/view.ts';
import { Chart, type Line } from '../elements/chart.ts';
import { Heading, Trouble } from '../elements/notice.ts';
import { useFeed, type Sample } from './feed.ts';

export function GatewayPage(): VNode {
  const { name, samples, isLive, problem } = useFeed();
  const last = samples.at(-1);
  return html`
    <${Heading} title="Gateway">
      <span class="quiet">${name}${isLive ? '' : ' · waiting for it'}</span>
    </${Heading}>
    <${Trouble} problem=${problem} />
    ${
      last !== undefined &&
      last.trouble !== null &&
      html`<p class="trouble" role="status">Postgres takes no rows: ${last.trouble}. Records are kept in the journal until it does.</p>`
    }
    ${last === undefined && problem === null && html`<p class="waiting" role="status">Loading…</p>`}
    ${last !== undefined && html`<${Figures} samples=${samples} last=${last} /><${Charts} samples=${samples} />`}
  `;
}

function Figures({ samples, last }: { readonly samples: readonly Sample[]; readonly last: Sample }): VNode {
  const hit = samples.findLast((sample) => sample.hitPart !== null)?.hitPart ?? null;
  return html`
    <p class="figures">
      <span><b>${printNumber(sum(last.kinds))}</b> records/s</span>
      <span><b>${printNumber(sum(last.refused))}</b> rejected/s</span>
      <span><b>${printNumber(last.waiting)}</b> waiting for Postgres</span>
      <span><b>${printBytes(last.journalBytes)}</b> of journal</span>
      <span><b>${hit === null ? '—' : `${printNumber(hit * 100)} %`}</b> of tokens from memory</span>
      <span><b>${printNumber(last.quarantined)}</b> rows put into quarantine</span>
    </p>
  `;
}

function Charts({ samples }: { readonly samples: readonly Sample[] }): VNode {
  const times = useMemo(() => samples.map((sample) => sample.at / 1000), [samples]);
  const one = (label: string, read: (sample: Sample) => number | null): Line => ({
    label,
    values: samples.map((sample) => read(sample)),
  });
  const kinds = useMemo(() => listLines(samples, (sample) => sample.kinds, 'none yet'), [samples]);
  const refused = useMemo(() => listLines(samples, (sample) => sample.refused, 'none'), [samples]);
  const waits = useMemo(() => [one('median', (s) => s.ack50), one('99 %', (s) => s.ack99)], [samples]);
  const drain = useMemo(() => [one('waiting', (s) => s.waiting)], [samples]);
  const stored = useMemo(() => [one('stored', (s) => s.stored)], [samples]);
  const grants = useMemo(
    () => [one('from memory', (s) => (s.hitPart === null ? null : s.hitPart * 100))],
    [samples],
  );
  const lag = useMemo(() => [one('last', (s) => s.revocationLagMs)], [samples]);
  return html`
    <div class="charts">
      <${Chart} title="Accepted, records/s" times=${times} lines=${kinds} />
      <${Chart} title="Rejected, records/s" times=${times} lines=${refused} />
      <${Chart} title="Time to a 202, ms" times=${times} lines=${waits} />
      <${Chart} title="Journal: entries not in Postgres" times=${times} lines=${drain} />
      <${Chart} title="Drain: rows/s into Postgres" times=${times} lines=${stored} />
      <${Chart} title="Tokens found in memory, %" times=${times} lines=${grants} topMin=${100} />
      <${Chart} title="Lag of the last revocation, ms" times=${times} lines=${lag} topMin=${10} />
    </div>
  `;
}

/** One line for each name that occurs, the busiest first. */
function listLines(
  samples: readonly Sample[],
  read: (sample: Sample) => Readonly<Record<string, number>>,
  none: string,
): readonly Line[] {
  const totals = new Map<string, number>();
  for (const sample of samples)
    for (const [name, count] of Object.entries(read(sample)))
      totals.set(name, (totals.get(name) ?? 0) + count);
  if (totals.size === 0) return [{ label: none, values: samples.map(() => 0) }];
  return [...totals]
    .toSorted(([, a], [, b]) => b - a)
    .map(([label]) => ({ label, values: samples.map((sample) => read(sample)[label] ?? 0) }));
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
