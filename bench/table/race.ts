/**
 * Variants of the server under the same load, in interleaved rounds. Each first has to prove that it keeps what it is
 * sent; in every turn Sluice's variants must have in Postgres what they answered with 202 before the next has its turn,
 * and the tables are emptied, so that no variant pays for another.
 */
import { join } from 'node:path';
import { runRounds, type Measured } from '../rounds.ts';
import { createSenders, type Senders, type World } from '../world.ts';
import type { Form, MadeRequest } from './forms.ts';
import { readCpuUs, startVariant, type ServerProcess } from './process.ts';
import { checkStored, settle } from './stored.ts';
import { shoot, writeRequests } from './wrk.ts';

export type Variant = 'journal' | 'postgres' | 'unwaited' | 'bare' | 'node:http' | 'fastify' | 'insert';

/** One thing that is measured once in every round. */
export interface Entry {
  readonly name: string;
  readonly variant: Variant;
  readonly form: Form;
}

export interface RaceValues {
  readonly rounds: number;
  readonly seconds: number;
  /** Ends a turn earlier, after so many requests. */
  readonly requestsMax?: number;
}

export interface RaceResult {
  readonly requestsPerSecond: Measured;
  /** CPU of the server and of Postgres, in µs. */
  readonly serverUs: Measured;
  readonly postgresUs: Measured;
}

const BODIES = 64;
const CHECK_REQUESTS = 40;
const CLIENTS = 4;
/** Variants whose rows come to Postgres, and those that hold them in memory. */
const STORING: ReadonlySet<Variant> = new Set(['journal', 'postgres', 'unwaited', 'insert']);
const HOLDING: ReadonlySet<Variant> = new Set(['node:http', 'fastify']);

export interface Field {
  readonly senders: Senders;
  readonly servers: ReadonlyMap<Variant, ServerProcess>;
  stop(): Promise<void>;
}

/** Starts one server of each variant; they stay for all races. */
export async function openField(world: World, variants: readonly Variant[]): Promise<Field> {
  const senders = await createSenders(world.sql, 'bench.example.com', CLIENTS);
  const servers = new Map<Variant, ServerProcess>();
  for (const variant of variants) {
    const directory = join(world.directory, variant.replace(':', '-'));
    const environment = { DATABASE_URL: world.postgres.url, SLUICE_DATA_DIR: directory };
    servers.set(variant, await startVariant(variant, environment));
  }
  return {
    senders,
    servers,
    async stop() {
      for (const server of servers.values()) await server.stop();
    },
  };
}

export async function race(
  world: World,
  field: Field,
  entries: readonly Entry[],
  values: RaceValues,
  tell: (line: string) => void,
): Promise<RaceResult> {
  const { sql } = world;
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const fileOf = (form: Form): string => join(world.directory, `${form.name.replaceAll(' ', '-')}.requests`);
  for (const { form } of entries)
    await writeRequests(
      fileOf(form),
      form.make(field.senders, Math.ceil(BODIES / Math.sqrt(form.records)), false),
    );
  const markerOf = (form: Form): MadeRequest => {
    const [marker] = form.make(field.senders, 1, false);
    if (marker === undefined) throw new Error(`${form.name} makes no request`);
    return marker;
  };
  for (const { name, variant, form } of entries) {
    tell(`${name}: is what is sent kept?`);
    if (variant === 'bare') continue;
    const requests = form.make(field.senders, Math.ceil(CHECK_REQUESTS / form.records) + 2, true);
    await checkStored(sql, portOf(field, variant), form, requests, HOLDING.has(variant));
  }
  const serverUs: Record<string, number[]> = Object.fromEntries(entries.map(({ name }) => [name, []]));
  const postgresUs: Record<string, number[]> = Object.fromEntries(entries.map(({ name }) => [name, []]));
  const requestsPerSecond = await runRounds([...byName.keys()], values.rounds, async (name, round) => {
    tell(`${name}: round ${round + 1} of ${values.rounds}`);
    const entry = byName.get(name);
    const server = entry === undefined ? undefined : field.servers.get(entry.variant);
    if (entry === undefined || server === undefined) throw new Error(`nobody serves ${name}`);
    const { form, variant } = entry;
    const before = [await readCpuUs(server.pid), await readCpuUs(world.postgres.pid)] as const;
    const load = await shoot({
      ...values,
      port: server.port,
      file: fileOf(form),
      connections: form.connections,
      seconds: round < 0 ? 1 : values.seconds,
    });
    if (STORING.has(variant))
      await settle(sql, server.port, form, markerOf(form), load.requests * form.records);
    const after = [await readCpuUs(server.pid), await readCpuUs(world.postgres.pid)] as const;
    if (round >= 0) {
      serverUs[name]?.push((after[0] - before[0]) / load.requests);
      postgresUs[name]?.push((after[1] - before[1]) / load.requests);
    }
    return load.requestsPerSecond;
  });
  return { requestsPerSecond, serverUs, postgresUs };
}

function portOf(field: Field, variant: Variant): number {
  const server = field.servers.get(variant);
  if (server === undefined) throw new Error(`there is no server of ${variant}`);
  return server.port;
}
