/**
 * Disks that take no more, by the kernel's limit of a file's size, which needs no privileges: a write beyond it is cut
 * short, and then fails, as on a full disk.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { Fault } from '../fault.ts';
import type { Gateway } from '../gateway.ts';
import type { Postgres } from '../world.ts';

const MIB = 1024 * 1024;
/** The segment in use can be written to its end; no new one can be made. */
const NO_SEGMENT_BYTES = 16 * MIB - 1;
const NO_WRITE_BYTES = MIB / 16;
/** Postgres' log has files of 16 MiB: it can be written, and tables cannot grow beyond. */
const NO_TABLE_BYTES = 16 * MIB;
const NO_WAL_BYTES = MIB;

export const diskFaults: readonly Fault[] = [
  {
    name: 'journal-disk-full',
    lane: 'gateway',
    holdMs: [4000, 12_000],
    async inject({ world, random }) {
      const gateway = random.pick(world.gateways);
      limitGateway(gateway, NO_SEGMENT_BYTES);
      return async () => limitGateway(gateway, null);
    },
  },
  {
    name: 'journal-write-refused',
    lane: 'gateway',
    holdMs: [1000, 4000],
    async inject({ world, random }) {
      const gateway = random.pick(world.gateways);
      limitGateway(gateway, NO_WRITE_BYTES);
      return async () => {
        limitGateway(gateway, null);
        // A failed write is final until a restart: that is what the answers and /readyz say.
        await gateway.stop('SIGTERM');
        await gateway.start();
      };
    },
  },
  limitedPostgres('postgres-disk-full', NO_TABLE_BYTES),
  limitedPostgres('postgres-log-disk-full', NO_WAL_BYTES),
];

function limitGateway(gateway: Gateway, bytes: number | null): void {
  for (const pid of gateway.pids()) limitFiles(pid, bytes);
}

function limitedPostgres(name: string, bytes: number): Fault {
  return {
    name,
    lane: 'postgres',
    holdMs: [2000, 6000],
    async inject({ world: { postgres } }) {
      for (const pid of findProcesses(postgres)) limitFiles(pid, bytes);
      return async () => {
        for (const pid of findProcesses(postgres)) limitFiles(pid, null);
        // It may have ended, when not even its recovery could write.
        await postgres.start();
        for (const pid of findProcesses(postgres)) limitFiles(pid, null);
      };
    },
  };
}

/** As the user whose process it is: being root is not enough everywhere. A process that is gone needs no limit. */
function limitFiles(pid: number, bytes: number | null): void {
  const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false });
  if (owner === undefined) return;
  const limit = `--fsize=${bytes ?? 'unlimited'}:unlimited`;
  const { uid, gid } = owner;
  const done = spawnSync('prlimit', ['--pid', String(pid), limit], { uid, gid, encoding: 'utf8' });
  if (done.status === 0 || !existsSync(`/proc/${pid}`)) return;
  const why = done.error?.message ?? done.stderr.trim();
  throw new Error(`The faults of the disk need prlimit (Debian: util-linux), which said: ${why}`);
}

/** The server's first process, which new ones take their limits from, and those that there are. */
function findProcesses(postgres: Postgres): number[] {
  const first = postgres.pid();
  try {
    const children = readFileSync(`/proc/${first}/task/${first}/children`, 'utf8');
    return [first, ...children.trim().split(' ').filter(Boolean).map(Number)];
  } catch {
    return [];
  }
}
