/**
 * Where the gateway's CPU goes: its profile while wrk sends single pageviews, and arrays of 100. A sample every half
 * millisecond; the profiler itself takes some percent, which are in no function.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureProgram } from '../program.ts';
import { findForm } from '../table/forms.ts';
import { startVariant, type ServerProcess } from '../table/process.ts';
import { settle } from '../table/stored.ts';
import { shoot, writeRequests } from '../table/wrk.ts';
import { createSenders, withWorld, type Senders, type World } from '../world.ts';
import { readTree, type Call, type CpuProfile } from './tree.ts';

export interface ProfileResult {
  /** Also the name of its picture. */
  readonly name: string;
  readonly title: string;
  readonly requestsPerSecond: number;
  /** Of the time, in the thread that was profiled. */
  readonly busyShare: number;
  readonly root: Call;
}

const PROJECT = join(import.meta.dirname, '../..');
const LOADS = [
  { name: 'single', title: 'single pageviews', form: findForm('pageview') },
  { name: 'arrays', title: 'arrays of 100 pageviews', form: findForm('array of 100') },
] as const;
type Load = (typeof LOADS)[number];
const BODIES = 64;
const CLIENTS = 4;
const WARM_UP_SECONDS = 2;
const WRITE_WAITS = 600;
const WAIT_MS = 50;

export async function benchProfile(
  values: { readonly seconds: number },
  tell: (line: string) => void,
): Promise<readonly ProfileResult[]> {
  ensureProgram('wrk', 'wrk');
  return withWorld(async (world) => {
    const senders = await createSenders(world.sql, 'bench.example.com', CLIENTS);
    const profileFile = join(world.directory, 'gateway.cpuprofile');
    const gateway = await startVariant(
      'journal',
      {
        DATABASE_URL: world.postgres.url,
        SLUICE_DATA_DIR: join(world.directory, 'profiled'),
        BENCH_PROFILE_FILE: profileFile,
      },
      { nodeOptions: ['--import', join(import.meta.dirname, 'record.ts')] },
    );
    try {
      const results: ProfileResult[] = [];
      for (const load of LOADS)
        results.push(await profileLoad(world, senders, gateway, profileFile, load, values.seconds, tell));
      return results;
    } finally {
      await gateway.stop();
    }
  });
}

async function profileLoad(
  world: World,
  senders: Senders,
  { port, pid }: ServerProcess,
  profileFile: string,
  { name, title, form }: Load,
  seconds: number,
  tell: (line: string) => void,
): Promise<ProfileResult> {
  const file = join(world.directory, `${name}.requests`);
  await writeRequests(file, form.make(senders, Math.ceil(BODIES / Math.sqrt(form.records)), false));
  const [marker] = form.make(senders, 1, false);
  if (marker === undefined) throw new Error('there is nothing to send');
  const { connections } = form;
  tell(`profile: warming up with ${title}`);
  const warmUp = await shoot({ port, file, connections, seconds: Math.min(seconds, WARM_UP_SECONDS) });
  await settle(world.sql, port, form, marker, warmUp.requests * form.records);
  tell(`profile: ${title}, ${seconds} s`);
  process.kill(pid, 'SIGUSR2');
  const { requests, requestsPerSecond } = await shoot({ port, file, connections, seconds });
  process.kill(pid, 'SIGUSR2');
  const profile = await takeProfile(profileFile);
  const root = readTree(profile, PROJECT);
  const busyShare = root.totalUs / profile.timeDeltas.reduce((sum, us) => sum + us, 0);
  await settle(world.sql, port, form, marker, requests * form.records);
  return { name, title, requestsPerSecond, busyShare, root };
}

async function takeProfile(file: string): Promise<CpuProfile> {
  for (let attempt = 0; attempt < WRITE_WAITS; attempt++) {
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text !== null) {
      await rm(file);
      return JSON.parse(text) as CpuProfile;
    }
    await sleep(WAIT_MS);
  }
  throw new Error('the gateway has written no profile');
}
