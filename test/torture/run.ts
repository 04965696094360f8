/**
 * npm run torture -- [--minutes N] [--seed S] [--faults a,b] [--rate records/s] [--clients N] [--gateways N]
 *                    [--processes N] [--padding bytes] [--alone] [--hold seconds]
 *
 * Real gateways, one Postgres, one Redis, and every fault there is; at the end what was promised is compared with what
 * is stored. --alone: each fault once, one after the other, with what clients see and how long recovery takes; --hold:
 * how long each lasts. --faults none: nothing is broken, for the sake of what memory does in a long run. Settings of the
 * gateways may be given in the environment: SLUICE_JOURNAL_MAX_BYTES=8GiB.
 * Exit code 0: the promise was kept. 1: it was not. 2: what was asked for cannot be run.
 */
import { parseArgs } from 'node:util';
import { faults } from './faults/faults.ts';
import { createLedger } from './ledger.ts';
import { printEndured, printResult, printUsage, tell } from './report.ts';
import { endure, torture } from './torture.ts';
import { createWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    faults: { type: 'string' },
    rate: { type: 'string', default: '8000' },
    clients: { type: 'string', default: '24' },
    gateways: { type: 'string', default: '2' },
    processes: { type: 'string', default: '1' },
    padding: { type: 'string', default: '0' },
    alone: { type: 'boolean', default: false },
    hold: { type: 'string' },
  },
});
const processes = Number(values.processes);
const known = faults.filter((fault) => processes > 1 || fault.needsProcesses !== true);
const wanted =
  values.faults?.split(',').filter((name) => name !== 'none') ?? known.map((fault) => fault.name);
const unknown = wanted.filter((name) => !known.some((fault) => fault.name === name));
if (unknown.length > 0) {
  const names = known.map((fault) => fault.name).join(', ');
  process.stderr.write(`no fault ${unknown.join(', ')}; there are ${names}\n`);
  process.exit(2);
}
const chosen = known.filter((fault) => wanted.includes(fault.name));
const load = {
  seed: Number(values.seed),
  clients: Number(values.clients),
  recordsPerSecond: Number(values.rate),
  paddingBytes: Number(values.padding),
};

const ledger = createLedger();
const settings = Object.entries(process.env).flatMap(([name, value]) =>
  name.startsWith('SLUICE_') && value !== undefined ? [[name, value] as const] : [],
);
const world = await createWorld({
  gateways: Number(values.gateways),
  processes,
  environment: Object.fromEntries(settings),
});
try {
  process.exitCode = (await (values.alone ? runAlone() : runMixed())) ? 0 : 1;
} finally {
  await world.close();
}

async function runMixed(): Promise<boolean> {
  const seconds = Math.round(Number(values.minutes) * 60);
  const result = await torture({ ...load, hangUpShare: 0.004, seconds, faults: chosen }, world, ledger, tell);
  printResult(result);
  return result.isKept;
}

async function runAlone(): Promise<boolean> {
  let isKept = true;
  for (const fault of chosen) {
    const holdMs = values.hold === undefined ? fault.holdMs[1] : Number(values.hold) * 1000;
    const endured = await endure(fault, holdMs, { ...load, hangUpShare: 0 }, world, ledger);
    printEndured(fault.name, holdMs, endured);
    if (values.hold !== undefined) printUsage(endured);
    isKept &&= endured.isKept;
  }
  return isKept;
}
