/**
 * A gateway of one process and one of two, the same in all else, under closed-loop load: single records, and batches of 100.
 * (Pipelined it cannot be: the HTTP library closes a connection on which a request comes before the answer to the one
 * before.) In interleaved rounds; ratios round by round. A gateway that does not have in Postgres
 * what it answered with 202 is disqualified. The load generator and Postgres share the machine: where there are not cores
 * for all of them, a second process takes from the others what it uses.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import type { Sql } from '../src/store/connect.ts';
import { createDemoSite, startProcess, type DemoSite, type GatewayProcess } from '../test/setup/gateway.ts';
import { ratioOf, runRounds, spreadOf, type Spread } from './rounds.ts';
import { openWorld } from './world.ts';

export interface ProcessesValues {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface ProcessesResult {
  readonly load: string;
  /** By the number of processes. */
  readonly recordsPerSecond: Readonly<Record<string, Spread>>;
  readonly 'two / one': Spread;
}

interface Load {
  readonly name: string;
  readonly records: number;
}

const PROCESSES = ['1', '2'] as const;
const LOADS: readonly Load[] = [
  { name: 'single records', records: 1 },
  { name: 'batches', records: 100 },
];
const PATH = '/api/ingest/server/pageview';
const QUESTION_MS_MAX = 120_000;

export async function benchProcesses(
  values: ProcessesValues,
  tell: (line: string) => void,
): Promise<ProcessesResult[]> {
  const world = await openWorld(QUESTION_MS_MAX);
  const { directory, postgres, sql } = world;
  const gateways = new Map<string, GatewayProcess>();
  try {
    const site = await createDemoSite(sql, 'bench.example.com');
    for (const processes of PROCESSES) {
      const environment = { DATABASE_URL: postgres.url, SLUICE_PROCESSES: processes };
      const data = { SLUICE_DATA_DIR: join(directory, processes) };
      gateways.set(processes, await startProcess({ ...environment, ...data }));
    }
    const results: ProcessesResult[] = [];
    for (const load of LOADS) {
      const measured = await runRounds(PROCESSES, values.rounds, async (processes, round) => {
        tell(`${load.name}: round ${round + 1} of ${values.rounds}, ${processes} process(es)`);
        return measure(gateways.get(processes)?.port ?? 0, load, site, values, sql);
      });
      results.push({
        load: load.name,
        recordsPerSecond: Object.fromEntries(
          PROCESSES.map((processes) => [processes, spreadOf(measured[processes] ?? [])]),
        ),
        'two / one': ratioOf(measured, '2', '1'),
      });
    }
    return results;
  } finally {
    for (const gateway of gateways.values()) await gateway.stop('SIGTERM');
    await world.close();
  }
}

async function measure(
  port: number,
  load: Load,
  site: DemoSite,
  values: ProcessesValues,
  sql: Sql,
): Promise<number> {
  const record = {
    url: `https://${site.domain}/articles/how-to-measure`,
    timestamp: new Date().toISOString(),
    visitor_ip: '8.8.8.8',
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0',
  };
  const body = load.records === 1 ? record : Array.from({ length: load.records }, () => record);
  const result = await autocannon({
    url: `http://127.0.0.1:${port}${PATH}`,
    method: 'POST',
    headers: { authorization: `Bearer ${site.token}` },
    body: JSON.stringify(body),
    connections: values.connections,
    duration: values.seconds,
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(
      `${load.name}: ${result.non2xx} refused, ${result.errors} without an answer, ${result.timeouts} of them too late`,
    );
  const accepted = result['2xx'] * load.records;
  await emptyTable(sql, accepted);
  return accepted / result.duration;
}

/** Waits until all of it is there and nothing more comes, so that the next round begins with nothing left of this one. */
async function emptyTable(sql: Sql, atLeast: number): Promise<void> {
  let before = -1;
  for (let attempt = 0; attempt < 600; attempt++) {
    const [row] = await sql<{ n: number }[]>`SELECT count(*)::float8 AS n FROM hits`;
    const rows = row?.n ?? 0;
    if (rows >= atLeast && rows === before) {
      await sql`TRUNCATE hits`;
      return;
    }
    before = rows;
    await sleep(200);
  }
  throw new Error('disqualified: Postgres lacks rows that were answered with 202');
}
