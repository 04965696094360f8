/** A real gateway: a process of its own, as a user runs it, that a test may kill. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSite } from '../../src/admin/sites/site.ts';
import { ensureDefaultTeam } from '../../src/admin/teams/team.ts';
import { changeAs } from '../../src/cli/admin/author.ts';
import { createTeamClient } from '../../src/cli/admin/client.ts';
import type { SiteRole } from '../../src/grants/grant.ts';
import type { Sql } from '../../src/store/connect.ts';

export interface GatewayProcess {
  readonly base: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** All that it has printed so far. */
  output(): string;
  /** Sends the signal and waits for the end; returns the exit code, null after a kill. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

const PROGRAM = join(import.meta.dirname, '../../src/cli/sluice.ts');

/** Resolves when it listens; rejects with its output when it ends before. */
export async function startProcess(environment: Readonly<Record<string, string>>): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [PROGRAM, 'serve'], {
    env: { PATH: process.env['PATH'], SLUICE_HOST: '127.0.0.1', PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const port = await new Promise<number>((resolve, reject) => {
    const read = (data: Buffer): void => {
      output += data.toString();
      const match = /"port":(\d+),"durability":"\w+","msg":"listening"/.exec(output);
      if (match !== null) resolve(Number(match[1]));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${output}`)));
  });
  return {
    base: `http://127.0.0.1:${port}`,
    port,
    process: child,
    output: () => output,
    async stop(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

export interface DemoSite {
  readonly siteId: string;
  readonly domain: string;
  readonly clientId: string;
  readonly token: string;
}

/** A site, and a client with a role on it. */
export async function createDemoSite(
  sql: Sql,
  domain: string,
  role: SiteRole = 'admin',
  expiresAt: Date | null = null,
): Promise<DemoSite> {
  return changeAs(sql, 'test', async (change) => {
    const teamId = await ensureDefaultTeam(change.tx);
    const created = await createSite(change, teamId, domain);
    if (created.kind !== 'created') throw new Error(`${domain}: ${created.kind}`);
    const { id: siteId } = created.site;
    const client = await createTeamClient(change, { teamId, siteId, name: 'test', role, expiresAt });
    return { siteId, domain: created.site.domain, clientId: client.id, token: client.token };
  });
}

export async function makeDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
