/**
 * npm run bench [-- name] [--check] [--rounds N] [--seconds N] [--rows N] [--revocations N] [--rate N] [--lines N] [--seed N]
 *   [--requests N] [--connections N] [--clients N] [--rate-max N] [--partitions N] [--backlog-mib N] [--table-rows N]
 *   [--profile-seconds N] [--checkout DIR] [--form NAME]…
 *
 * Runs the named bench, or all but `against` (this checkout beside another one), prints tables, and writes
 * bench/results/latest.json. `table`, `growth` and `profile` write their part of docs/performance.md too; --check runs `table`
 * alone, writes no page, and fails when a ratio is beyond its floor. Only ratios inside a run mean anything: absolute
 * figures are this machine's, at this hour.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tuneEngine } from '../src/parts/engine.ts';
import { benchAgainst, printAgainst } from './against.ts';
import { benchCopyFormat } from './copy-format.ts';
import { benchGrowth } from './growth/growth.ts';
import { benchNeighbours } from './neighbours/neighbours.ts';
import { benchProcesses } from './processes.ts';
import { benchReplay } from './replay.ts';
import { benchRevocation } from './revocation.ts';
import { drawGrowth, printGrowth, printGrowthLines } from './page/growth.ts';
import { drawProfiles, printProfiles } from './page/profile.ts';
import { drawCharts, printMarkdown, printTable } from './page/print.ts';
import { writePage } from './page/write.ts';
import { benchProfile } from './profile/profile.ts';
import { listCosts, listRooms } from './profile/tree.ts';
import { printSpread } from './rounds.ts';
import { benchTiming, TELLING } from './timing.ts';
import type { PartTime } from './parts.ts';
import { benchTable } from './table/table.ts';
import { listUnmeasured } from './table/targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    check: { type: 'boolean' },
    rows: { type: 'string', default: '20000' },
    connections: { type: 'string', default: '64' },
    revocations: { type: 'string', default: '200' },
    rate: { type: 'string', default: '5000' },
    lines: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    requests: { type: 'string', default: '3000' },
    clients: { type: 'string', default: '1000000' },
    'rate-max': { type: 'string', default: '20000' },
    partitions: { type: 'string', default: '240' },
    'profile-seconds': { type: 'string', default: '10' },
    'backlog-mib': { type: 'string', default: '10240' },
    'table-rows': { type: 'string', default: '20000000' },
    checkout: { type: 'string', default: '' },
    form: { type: 'string', multiple: true, default: [] },
  },
});
// What is measured in this process finds V8 as a gateway has it.
tuneEngine();
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const inRounds = `${rounds} rounds`;

const benches: Readonly<Record<string, () => Promise<unknown>>> = {
  table: async () => {
    const startedAtMs = performance.now();
    const clients = Number(values.clients);
    const result = await benchTable({ rounds, seconds, clients }, tell, (part) => keep('table', part));
    process.stdout.write(printTable(result));
    noteFailures(result.parts);
    if (values.check === true) {
      const missed = result.targets.filter(({ isMissed }) => isMissed);
      const faults = [
        ...missed.map(({ what }) => `beyond its floor: ${what}`),
        ...listUnmeasured(result.targets).map((what) => `not measured: ${what}`),
      ];
      process.stderr.write(faults.map((fault) => `${fault}\n`).join(''));
      if (faults.length > 0) process.exitCode = 1;
    } else
      await writePage('table', describeRun(inRounds, startedAtMs), printMarkdown(result), drawCharts(result));
    return result;
  },
  growth: async () => {
    const startedAtMs = performance.now();
    const sizes = {
      rateMax: Number(values['rate-max']),
      partitionsMax: Number(values.partitions),
      clientsMax: Number(values.clients),
      backlogMibMax: Number(values['backlog-mib']),
      tableRowsMax: Number(values['table-rows']),
      rows: Number(values.rows),
    };
    const result = await benchGrowth({ rounds, seconds, ...sizes }, tell, (part) => keep('growth', part));
    process.stdout.write(printGrowthLines(result.curves));
    noteFailures(result.parts);
    await writePage(
      'growth',
      describeRun(inRounds, startedAtMs),
      printGrowth(result.curves),
      drawGrowth(result.curves),
    );
    return result;
  },
  profile: async () => {
    const startedAtMs = performance.now();
    const results = await benchProfile({ seconds: Number(values['profile-seconds']) }, tell);
    const page = printProfiles(results);
    process.stdout.write(`\n${page}\n`);
    await writePage(
      'profile',
      describeRun(`${values['profile-seconds']} s of each load`, startedAtMs),
      page,
      drawProfiles(results),
    );
    // The trees are in the pictures.
    return results.map(({ root, ...rest }) => ({ ...rest, rooms: listRooms(root), costs: listCosts(root) }));
  },
  'copy-format': async () => {
    const result = await benchCopyFormat({ rounds, rows: Number(values.rows) }, tell);
    process.stdout.write(`\ncopy-format, ${values.rows} rows, ${rounds} rounds\n`);
    for (const [name, spread] of Object.entries(result.rowsPerSecond)) {
      process.stdout.write(`  ${name.padEnd(24)} ${printSpread(spread, 0)} rows/s\n`);
    }
    for (const [name, spread] of Object.entries(result['client µs per row'])) {
      process.stdout.write(`  ${name.padEnd(24)} ${printSpread(spread, 2)} µs of Sluice's CPU per row\n`);
    }
    process.stdout.write(`  ${'binary / text'.padEnd(24)} ${printSpread(result['binary / text'], 2)}\n`);
    return result;
  },
  replay: async () => {
    const result = await benchReplay({ lines: Number(values.lines), seed: Number(values.seed) }, tell);
    const { aiFetches, pageviews, noStatus, notAPage } = result.expected;
    process.stdout.write(
      `\nreplay: ${result.lines} lines (${Math.round(result.fileBytes / 1e6)} MB gzipped) in ${result.seconds} s, ${result.linesPerSecond} lines/s\n` +
        `  ${aiFetches} AI fetches, ${pageviews} pageviews, ${noStatus + notAPage} skipped: all there, once\n` +
        `  memory: replay ${result.replayMib} MiB, gateway ${result.gatewayMib} MiB\n` +
        `  killed and resumed: ${result.resumedLines} lines after the kill, the same rows\n` +
        `  one POST per file, ${result.postsPerRun} files: ${result.postLinesPerSecond} lines/s, all there, once\n`,
    );
    return result;
  },
  neighbours: async () => {
    const results = await benchNeighbours({ rounds: Number(values.rounds) }, tell);
    for (const { variant, p50Ms, p99Ms, p99Ratio, gatewayMib, neighbourAccepted, latenessP99Ms } of results) {
      process.stdout.write(
        `\nbeside: ${variant}\n` +
          `  p50 ${printSpread(p50Ms, 2)} ms  p99 ${printSpread(p99Ms, 2)} ms  p99 / alone ${printSpread(p99Ratio, 2)}\n` +
          `  gateway ${gatewayMib} MiB, ${neighbourAccepted} of the neighbour's taken; one's own sender was late by ${printSpread(latenessP99Ms, 2)} ms (p99)\n`,
      );
    }
    return results;
  },
  processes: async () => {
    const results = await benchProcesses({ rounds, seconds, connections }, tell);
    for (const { load, recordsPerSecond, ...rest } of results) {
      process.stdout.write(`\n${load}, ${connections} connections, ${rounds} rounds of ${seconds} s\n`);
      for (const [processes, spread] of Object.entries(recordsPerSecond)) {
        process.stdout.write(
          `  ${`${processes} process(es)`.padEnd(24)} ${printSpread(spread, 0)} records/s\n`,
        );
      }
      process.stdout.write(`  ${'two / one'.padEnd(24)} ${printSpread(rest['two / one'], 2)}\n`);
    }
    return results;
  },
  revocation: async () => {
    const results = await benchRevocation(
      { revocations: Number(values.revocations), requestsPerSecond: Number(values.rate) },
      tell,
    );
    for (const { variant, lastAccepted, answer, pending, requestsPerSecond } of results) {
      process.stdout.write(
        `\nrevocation, ${variant}: ${values.revocations} at ${requestsPerSecond} requests/s on each of two gateways\n` +
          `  last 202 after the answer  p50 ${lastAccepted.p50}  p99 ${lastAccepted.p99}  max ${lastAccepted.max} ms\n` +
          `  the answer itself          p50 ${answer.p50}  p99 ${answer.p99}  max ${answer.max} ms\n` +
          `  receipts with a pending gateway: ${pending}\n`,
      );
    }
    return results;
  },
  against: async () => {
    const { checkout, form: names } = values;
    if (checkout === '') throw new Error('beside what? --checkout DIR, with its packages installed');
    const results = await benchAgainst({ rounds, seconds, checkout, forms: names }, tell);
    process.stdout.write(printAgainst(results, checkout, inRounds));
    return results;
  },
  timing: async () => {
    const result = await benchTiming({ requests: Number(values.requests) }, tell);
    process.stdout.write(
      `\ntiming, ${result.requests} answers a class: how often one took longer than another (0.5: they look alike)\n`,
    );
    for (const [one, others] of Object.entries(result.longer)) {
      process.stdout.write(`  ${one}\n`);
      for (const [other, share] of Object.entries(others)) {
        const verdict = Math.abs(share - 0.5) > TELLING ? 'told apart' : 'alike';
        process.stdout.write(`    than ${other.padEnd(36)} ${share.toFixed(2)}  ${verdict}\n`);
      }
    }
    return result;
  },
};

const all = values.check === true ? ['table'] : Object.keys(benches).filter((name) => name !== 'against');
const wanted = positionals.length === 0 ? all : positionals;
if (values.check === true && wanted.some((name) => name !== 'table')) {
  process.stderr.write('only the table has floors: npm run bench -- --check\n');
  process.exit(2);
}
const unknown = wanted.filter((name) => benches[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`no bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`);
  process.exit(2);
}
const file = join(import.meta.dirname, 'results', 'latest.json');
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
for (const name of wanted) {
  try {
    await keep(name, await benches[name]?.());
  } catch (error) {
    process.stderr.write(`${name} failed: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** Written at once: what was measured is there whatever comes after it. What other benches found stays. */
async function keep(name: string, result: unknown): Promise<void> {
  const earlier = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Record<string, unknown>;
  await writeFile(file, `${JSON.stringify({ ...earlier, machine, [name]: result }, null, 2)}\n`);
}

function noteFailures(parts: readonly PartTime[]): void {
  for (const { name, failure } of parts) {
    if (failure === null) continue;
    process.stderr.write(`${name} could not be measured: ${failure}\n`);
    process.exitCode = 1;
  }
}

function describeRun(how: string, startedAtMs: number): string {
  const minutes = Math.ceil((performance.now() - startedAtMs) / 60_000);
  const day = new Date().toISOString().slice(0, 10);
  const memory = Math.round(totalmem() / 1024 ** 3);
  const machine = `${cpus().length} cores (${cpus()[0]?.model}), ${memory} GiB, Node ${process.version}, embedded Postgres 18, loopback`;
  return `Measured on ${machine}, ${day}: ${how}, ${minutes} min in all.`;
}

/** Progress, on a line of its own that is written over; plain lines where there is no terminal. */
function tell(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
  else process.stderr.write(`${line.trimEnd()}\n`);
}
