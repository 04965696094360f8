/** How runs are printed. */
import { summarizeTenths, type Usage } from './meter.ts';
import type { Endured, Progress, Result } from './torture.ts';

/** On a line of its own that is written over; where there is no terminal, a line every ten seconds. */
export function tell({ seconds, promised, faults, waiting, current }: Progress): void {
  const line =
    `${String(seconds).padStart(5)} s  ${promised} acknowledged, ${faults} faults, ${waiting} waiting` +
    (current.length === 0 ? '' : `  [${current.join(', ')}]`);
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
  else if (seconds % 10 === 0) process.stderr.write(`${line}\n`);
}

export function printResult(result: Result & { readonly injected: ReadonlyMap<string, number> }): void {
  const { balance } = result;
  const lines = [
    '',
    ...list('faults', result.injected),
    ...list('answers to requests', result.answers),
    ...list('records sent', result.byForm),
    ...list('answers to strangers', result.strangers),
    ...list('warnings of the gateways', result.warnings),
    ...result.usage.flatMap((usage) => describeUsage(usage)),
    '',
    'balance',
    row('acknowledged', balance.promised),
    row('rows', balance.rows),
    row('acknowledged, and missing', balance.missing),
    row('  and in a damaged frame, which was reported', balance.damaged),
    row('stored twice', balance.twice),
    row('stored, and never sent', balance.invented),
    row('refused, and stored', balance.refusedStored),
    row('stored, the answer lost or unsure', balance.unknownStored),
    row('put aside', balance.quarantined),
    '',
    ...balance.examples,
    ...result.findings,
    result.isKept ? 'The promise was kept.' : 'THE PROMISE WAS NOT KEPT.',
    '',
  ];
  process.stdout.write(lines.join('\n'));
}

/** A row of a Markdown table, for docs/reliability.md. */
export function printEndured(name: string, holdMs: number, endured: Endured): void {
  const { during, recoveryMs, balance } = endured;
  const answers = Object.entries(during).map(([answer, count]) => `${count} × ${answer}`);
  const verdict = endured.isKept
    ? 'kept'
    : `NOT KEPT ${[...balance.examples, ...endured.findings].join('; ')}`;
  process.stdout.write(
    `| ${name} | ${holdMs / 1000} s | ${answers.join(', ')} | ${recoveryMs === null ? 'not under the load' : `${recoveryMs} ms`} | ${verdict} |\n`,
  );
}

/** What it took: for a run long enough that one wants to know. */
export function printUsage({ usage, balance }: Result): void {
  const lines = usage.flatMap((each) => describeUsage(each));
  process.stdout.write(
    `${balance.promised} acknowledged in all, ${balance.rows} rows\n${lines.join('\n')}\n`,
  );
}

function describeUsage({ name, residentMib, journalMibMax }: Usage): string[] {
  const tenths = summarizeTenths(residentMib).join(' ');
  const most = residentMib.reduce((max, each) => Math.max(max, each), 0);
  return [
    `${name}: resident memory, the median of each tenth of the run: ${tenths} MiB; the most: ${most} MiB`,
    `${name}: the most disk for its journal: ${journalMibMax} MiB`,
  ];
}

function list(title: string, counts: ReadonlyMap<string, number>): string[] {
  const sorted = [...counts].toSorted(([one], [other]) => one.localeCompare(other));
  return [title, ...sorted.map(([name, count]) => row(name, count)), ''];
}

function row(name: string, count: number): string {
  return `  ${name.padEnd(48)}${String(count).padStart(12)}`;
}
