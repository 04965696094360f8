/** The faults that failing-disk.c makes, and a small disk of one's own. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../torture/fault.ts';

export interface FailingDisk {
  /** For the gateways. */
  readonly environment: Readonly<Record<string, string>>;
  /** A file system of 160 MiB. */
  readonly smallDisk: string;
  readonly faults: Readonly<Record<'slow' | 'unsynced' | 'full' | 'clock', Fault>>;
  close(): Promise<void>;
}

const SMALL_DISK = '160m';
const SLOW_MS = 3000;
const JUMP_MS = 6 * 3_600_000;

/** Throws one sentence when this machine does not let it. */
export async function createFailingDisk(): Promise<FailingDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-disk-'));
  const library = join(directory, 'failing-disk.so');
  const control = join(directory, 'control');
  const smallDisk = join(directory, 'small');
  const source = join(import.meta.dirname, 'failing-disk.c');
  must('gcc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
  must('mkdir', [smallDisk]);
  must('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_DISK}`, 'sluice-small', smallDisk]);
  const set = (clockMs: number, delayMs: number, error: number): void => {
    const file = openSync(control, 'r+');
    const numbers = new BigInt64Array([clockMs, delayMs, error].map(BigInt));
    writeSync(file, new Uint8Array(numbers.buffer), 0, numbers.byteLength, 0);
    closeSync(file);
  };
  await writeFile(control, Buffer.alloc(24));

  return {
    environment: { LD_PRELOAD: library, FAILING_DISK: control },
    smallDisk,
    faults: {
      slow: simple('disk-slow', async () => {
        set(0, SLOW_MS, 0);
        return async () => set(0, 0, 0);
      }),
      unsynced: simple('disk-sync-fails', async ({ world }) => {
        set(0, 0, constants.errno.EIO);
        return async () => {
          set(0, 0, 0);
          for (const gateway of world.gateways) {
            await gateway.stop('SIGTERM');
            await gateway.start();
          }
        };
      }),
      full: simple('disk-full', async () => {
        const ballast = join(smallDisk, 'ballast');
        const { bavail, bsize } = await statfs(smallDisk);
        // The gateways may take some of it first: then it is full a little earlier.
        await writeFile(ballast, Buffer.alloc(bavail * bsize)).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOSPC') throw error;
        });
        return () => rm(ballast);
      }),
      clock: simple('clock-jumps', async () => {
        set(JUMP_MS, 0, 0);
        await sleep(700);
        set(-JUMP_MS, 0, 0);
        return async () => set(0, 0, 0);
      }),
    },
    async close() {
      must('umount', [smallDisk]);
      await rm(directory, { recursive: true });
    },
  };
}

function simple(name: string, inject: Fault['inject']): Fault {
  return { name, lane: 'gateway', holdMs: [0, 0], inject };
}

function must(name: string, words: readonly string[]): void {
  const done = spawnSync(name, words, { encoding: 'utf8' });
  if (done.status === 0) return;
  throw new Error(
    `The system tests of disks need ${name}, with the right to use it (Debian, root): ${done.error?.message ?? done.stderr.trim()}`,
  );
}
