/**
 * Journals without a process: the gateway ran with more processes, or with one, before. The first process opens them at
 * its start, brings what they hold into Postgres as their own processes would have, and deletes what is stored. Their
 * marks stay: a process that comes back goes on with the same account and the same numbers.
 *
 * Until then they take disk beside SLUICE_JOURNAL_MAX_BYTES. A stop leaves the rest to the next start.
 */
import { basename, join } from 'node:path';
import type { Config } from '../config.ts';
import { startDrain } from '../drain/drain.ts';
import { listJournals, listSegments } from '../journal/segment.ts';
import type { Sql } from '../store/connect.ts';
import type { Log } from '../telemetry/log.ts';
import type { OrphanStats } from '../telemetry/metrics/stats.ts';
import { makeJournal, makeLedger, makeStore, stopAll, type Stops } from './parts.ts';
import { journalFolder, nameGateway, type Seat } from './seat.ts';

export interface Orphans {
  stats(): OrphanStats;
}

export interface OrphanDeps {
  readonly databaseUrl: string;
  readonly sql: Sql;
  readonly countDuplicates: (clientId: string, rows: number) => void;
  readonly log: Log['write'];
  readonly onFatal: (error: unknown) => void;
}

const LOOK_MS = 500;

/** Throws one sentence when one is in use, or cannot be read. */
export async function adoptOrphans(
  config: Config,
  seat: Seat,
  deps: OrphanDeps,
  stops: Stops,
): Promise<Orphans> {
  const adopted: (() => OrphanStats)[] = [];
  for (const directory of seat.index === 0 ? await findOrphans(config, seat) : [])
    adopted.push(await adopt(config, directory, deps, stops));
  return {
    stats() {
      const all = adopted.map((readStats) => readStats());
      const sum = (name: keyof OrphanStats): number => all.reduce((total, each) => total + each[name], 0);
      return {
        waiting: sum('waiting'),
        rowsInserted: sum('rowsInserted'),
        rowsDuplicate: sum('rowsDuplicate'),
        rowsQuarantined: sum('rowsQuarantined'),
      };
    },
  };
}

async function findOrphans(config: Config, { count }: Seat): Promise<string[]> {
  const root = join(config.dataDirectory, 'journal');
  const own = new Set(Array.from({ length: count }, (_, index) => journalFolder(config, { index, count })));
  const found: string[] = [];
  for (const folder of await listJournals(root)) {
    if (!own.has(folder) && (await listSegments(folder)).segments.length > 0) found.push(folder);
  }
  return found;
}

async function adopt(
  config: Config,
  directory: string,
  deps: OrphanDeps,
  stops: Stops,
): Promise<() => OrphanStats> {
  const { databaseUrl, sql, log, onFatal } = deps;
  const own: Stops = [];
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => (closing ??= stopAll(own));
  stops.push(close);
  const journal = await makeJournal(config, { directory, bytesMax: config.segmentBytes }, log);
  let isOver = false;
  // What is told of it has to be in Postgres as well.
  own.push(() => journal.close(isOver && ledger.takeChanged().size === 0));
  const name = basename(directory);
  const nodeName = name === 'journal' ? nameGateway(config) : `${nameGateway(config)}/${name}`;
  const ledger = makeLedger(nodeName, journal, sql, log, own);
  const store = makeStore(config, databaseUrl, sql, own, (clientId, rows) => {
    deps.countDuplicates(clientId, rows);
    ledger.noteDuplicates(clientId, rows);
  });
  const drain = startDrain({ batchBytesMax: config.batchBytesMax }, { journal, ledger, store, log, onFatal });
  own.push(() => drain.close());
  const records = journal.recovered.entries;
  log('info', { directory, records }, 'this journal has no process any more; it is brought into Postgres');

  const timer = setInterval(() => {
    const { appended, stored } = journal.stats();
    if (stored < appended) return;
    isOver = true;
    close().then(
      () => log('info', { directory }, 'the journal without a process is empty'),
      (error: unknown) => log('warn', { err: error, directory }, 'a stored journal cannot be closed'),
    );
  }, LOOK_MS);
  timer.unref();
  own.push(() => clearInterval(timer));
  return () => {
    const { appended, stored } = journal.stats();
    const { rowsInserted, rowsDuplicate } = store.stats();
    return {
      waiting: appended - stored,
      rowsInserted,
      rowsDuplicate,
      rowsQuarantined: drain.stats().rowsQuarantined,
    };
  };
}
