/**
 * npm run torture -- [--minutes N] [--seed S] [--faults a,b] [--rate records/s] [--clients N] [--gateways N] [--padding bytes]
 *
 * Real gateways, one Postgres, one Redis, and every fault there is; at the end what was promised is compared with what
 * is stored. Exit code 0: the promise was kept. 1: it was not. 2: what was asked for cannot be run.
 */
import { parseArgs } from 'node:util';
import { faults } from './faults/faults.ts';
import { torture, type Progress, type Result } from './torture.ts';
import { createWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    faults: { type: 'string', default: faults.map((fault) => fault.name).join(',') },
    rate: { type: 'string', default: '8000' },
    clients: { type: 'string', default: '24' },
    gateways: { type: 'string', default: '2' },
    padding: { type: 'string', default: '0' },
  },
});
const wanted = values.faults.split(',').filter((name) => name !== '');
const unknown = wanted.filter((name) => !faults.some((fault) => fault.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `no fault ${unknown.join(', ')}; there are ${faults.map((fault) => fault.name).join(', ')}\n`,
  );
  process.exit(2);
}

const world = await createWorld({ gateways: Number(values.gateways) });
try {
  const result = await torture(
    {
      seconds: Math.round(Number(values.minutes) * 60),
      seed: Number(values.seed),
      faults: faults.filter((fault) => wanted.includes(fault.name)),
      clients: Number(values.clients),
      recordsPerSecond: Number(values.rate),
      paddingBytes: Number(values.padding),
    },
    world,
    tell,
  );
  print(result);
  process.exitCode = result.isKept ? 0 : 1;
} finally {
  await world.close();
}

/** On a line of its own that is written over; where there is no terminal, a line every ten seconds. */
function tell({ seconds, promised, faults: injected, waiting, current }: Progress): void {
  const line =
    `${String(seconds).padStart(5)} s  ${promised} acknowledged, ${injected} faults, ${waiting} waiting` +
    (current.length === 0 ? '' : `  [${current.join(', ')}]`);
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
  else if (seconds % 10 === 0) process.stderr.write(`${line}\n`);
}

function print(result: Result): void {
  const { balance, findings, injected, answers, byForm, drainedMs } = result;
  const lines = [
    '',
    `seed ${values.seed}, ${values.minutes} minutes, ${values.gateways} gateways, ${values.rate} records/s wanted`,
    '',
    ...list('injected', injected),
    ...list('answers to requests', answers),
    ...list('records sent', byForm),
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
    row('ms to drain at the end', drainedMs),
    '',
    ...balance.examples,
    ...findings,
    result.isKept ? 'The promise was kept.' : 'THE PROMISE WAS NOT KEPT.',
    '',
  ];
  process.stdout.write(lines.join('\n'));
}

function list(title: string, counts: ReadonlyMap<string, number>): string[] {
  const sorted = [...counts].toSorted(([one], [other]) => one.localeCompare(other));
  return [title, ...sorted.map(([name, count]) => row(name, count)), ''];
}

function row(name: string, count: number): string {
  return `  ${name.padEnd(48)}${String(count).padStart(12)}`;
}
