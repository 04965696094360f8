/** Programs of others that benches need: taken from PATH; where one is missing, installed first (Debian, root). */
import { spawnSync } from 'node:child_process';

/** Throws one sentence that says what to install. */
export function ensureProgram(program: string, debianPackage: string): void {
  if (isThere(program)) return;
  if (process.getuid?.() === 0 && isThere('apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { env });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debianPackage], { env });
  }
  if (!isThere(program))
    throw new Error(
      `The bench needs ${program} on the PATH: install it (Debian: sudo apt-get install ${debianPackage}).`,
    );
}

export function isThere(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined;
}
