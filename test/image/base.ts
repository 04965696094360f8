/**
 * What the Dockerfile begins with, made here instead of pulled: Debian's minimal system with Node 22 as the project has
 * it and the npm that runs this script, under the name of the official image.
 */
import { spawnSync } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const NAME = 'docker.io/library/node:22-bookworm-slim';
const MIRROR = 'http://deb.debian.org/debian';
/** The user `node` of the official image. */
const USER_ID = '1000';

export type Buildah = (...words: readonly string[]) => string;

/** All that buildah keeps lies in `folder`: the machine's own images are neither seen nor changed. */
export function createBuildah(folder: string): Buildah {
  const place = [
    '--storage-driver',
    'vfs',
    '--root',
    join(folder, 'images'),
    '--runroot',
    join(folder, 'run'),
  ];
  return (...words) => execute('buildah', ...place, ...words);
}

export async function makeBase(buildah: Buildah): Promise<void> {
  const container = buildah('from', 'scratch');
  const root = buildah('mount', container);
  execute('debootstrap', '--variant=minbase', 'bookworm', root, MIRROR);
  execute('chroot', root, 'apt-get', 'clean');
  execute('chroot', root, 'useradd', '--uid', USER_ID, '--create-home', 'node');
  execute('cp', await realpath(process.execPath), join(root, 'usr/local/bin/node'));
  const npm = dirname(dirname(await realpath(process.env['npm_execpath'] ?? '/usr/bin/npm')));
  execute('mkdir', '-p', join(root, 'usr/local/lib/node_modules'));
  execute('cp', '-r', npm, join(root, 'usr/local/lib/node_modules/npm'));
  execute('ln', '-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  buildah('config', '--env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', container);
  buildah('commit', '--quiet', '--rm', '--format', 'docker', container, NAME);
}

/** Runs it to its end. Returns what it printed; throws all that it said when it fails. */
export function execute(program: string, ...words: readonly string[]): string {
  const done = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (done.status === 0) return done.stdout.trim();
  const said = done.error?.message ?? `${done.stdout}${done.stderr}`;
  throw new Error(`${program} ${words.join(' ')} failed:\n${said}`);
}
