/**
 * Builds overlays as `kubectl apply -k` does, without a cluster. Debian 12's kubectl is too old for today's kustomize;
 * where there is no newer one, Debian 13's is unpacked into a folder of the test's.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

export type Kubectl = (...words: readonly string[]) => string;

export async function findKubectl(folder: string): Promise<Kubectl> {
  const found = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
  const program = found.stdout?.includes('Kustomize Version: v5') ? 'kubectl' : await unpackKubectl(folder);
  return (...words) => execute(program, words);
}

export function buildOverlay(kubectl: Kubectl, path: string): readonly Manifest[] {
  return parseAllDocuments(kubectl('kustomize', path)).map((document) => document.toJS() as Manifest);
}

const SOURCE =
  'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n';

/** apt-get with lists and a state of its own: the machine's are neither read nor changed. */
async function unpackKubectl(folder: string): Promise<string> {
  for (const part of ['lists/partial', 'cache/archives/partial'])
    await mkdir(join(folder, part), { recursive: true });
  await writeFile(join(folder, 'sources.list'), SOURCE);
  const options = {
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(folder, 'cache'),
    'APT::Sandbox::User': 'root',
  };
  const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  execute('apt-get', ['-qq', ...given, 'update'], folder);
  execute('apt-get', ['-qq', ...given, 'download', 'kubectl'], folder);
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb')) ?? '';
  execute('dpkg-deb', ['--extract', archive, 'kubectl'], folder);
  return join(folder, 'kubectl/usr/bin/kubectl');
}

function execute(program: string, words: readonly string[], cwd?: string): string {
  const done = spawnSync(program, words, { encoding: 'utf8', cwd });
  if (done.status === 0) return done.stdout;
  throw new Error(`${program} ${words.join(' ')} failed: ${done.error?.message ?? done.stderr}`);
}
