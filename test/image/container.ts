/**
 * Runs an image as a container engine would: its own command, environment, folder and user, as process 1 of a process
 * space of its own, on a root file system that cannot be written to, with one volume. The network is the machine's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { execute, type Buildah } from './base.ts';

export interface Image {
  readonly root: string;
  readonly user: string;
  readonly directory: string;
  readonly environment: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  readonly volumes: readonly string[];
}

/** What `buildah inspect` says of an image, as far as it is used here. */
interface Inspected {
  readonly Docker: {
    readonly config: {
      readonly User: string;
      readonly WorkingDir: string;
      readonly Env: readonly string[];
      readonly Entrypoint: readonly string[];
      readonly Cmd: readonly string[];
      readonly Healthcheck: { readonly Test: readonly string[] };
      readonly Volumes: Readonly<Record<string, object>>;
    };
  };
}

export function openImage(buildah: Buildah, name: string): Image {
  const { config } = (JSON.parse(buildah('inspect', '--type', 'image', name)) as Inspected).Docker;
  return {
    root: buildah('mount', buildah('from', '--pull-never', name)),
    user: config.User,
    directory: config.WorkingDir,
    environment: config.Env,
    entrypoint: config.Entrypoint,
    command: config.Cmd,
    healthcheck: config.Healthcheck.Test.slice(1),
    volumes: Object.keys(config.Volumes),
  };
}

export interface Container {
  output(): string;
  /** Runs a program in the same place, as HEALTHCHECK does; returns its exit code. */
  execute(words: readonly string[]): number;
  /** Sends SIGTERM to process 1, SIGKILL if that does not end it, and waits; returns the exit code. */
  stop(): Promise<number | null>;
}

/** `volume`: a folder of the machine's that stands where the image has its volume. */
export async function startContainer(
  image: Image,
  volume: string,
  environment: readonly string[],
): Promise<Container> {
  const [mountPoint = ''] = image.volumes;
  const words = ['env', '-i', '-C', image.directory, ...image.environment, ...environment];
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      'sh',
      '-euc',
      ENTER,
      'enter',
      image.root,
      volume,
      mountPoint,
    ]
      .concat(['chroot', `--userspec=${image.user}`, image.root, ...words])
      .concat([...image.entrypoint, ...image.command]),
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const ended = once(child, 'exit');
  const pid = await findChild(child.pid ?? 0);
  return {
    output: () => output,
    execute(program) {
      const inside = ['nsenter', `--target=${pid}`, '--mount', '--pid', 'chroot', `--userspec=${image.user}`];
      try {
        execute(...(inside as [string, ...string[]]), image.root, ...words, ...program);
        return 0;
      } catch {
        return 1;
      }
    },
    async stop() {
      process.kill(pid, 'SIGTERM');
      const timer = setTimeout(() => process.kill(pid, 'SIGKILL'), GRACE_MS);
      const [code] = (await ended) as [number | null];
      clearTimeout(timer);
      return code;
    },
  };
}

/** A process 1 without a handler does not even notice SIGTERM. */
const GRACE_MS = 40_000;

/** Process 1 is the shell that does this, and becomes what it starts at its end. */
const ENTER = `
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1$3"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
shift 3
exec "$@"`;

async function findChild(pid: number): Promise<number> {
  for (;;) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    if (children.trim() !== '') return Number(children);
    await sleep(10);
  }
}
