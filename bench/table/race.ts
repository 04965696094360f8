/**
 * Variants of the server under the same load, in interleaved rounds. Each has to prove that it keeps what it is sent; in
 * every turn Sluice's variants must have in Postgres what they answered with 202 before the next has its turn,
 * and the tables are emptied, so that no variant pays for another.
 */
import { join } from 'node:path';
import { runRounds, type Measured } from '../rounds.ts';
import { createSenders, type Senders, type World } from '../world.ts';
import { findForm, type Form } from './forms.ts';
import { readCpuUs, startVariant, type ServerProcess } from './process.ts';
import { checkStored, settle } from './stored.ts';
import { shoot, writeRequests } from './wrk.ts';

/** `other`: the gateway of another checkout, as 'journal' is this one's. */
export type Variant =
  'journal' | 'postgres' | 'unwaited' | 'bare' | 'node:http' | 'fastify' | 'insert' | 'other';

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
const STORING: ReadonlySet<Variant> = new Set(['journal', 'postgres', 'unwaited', 'insert', 'other']);
const HOLDING: ReadonlySet<Variant> = new Set(['node:http', 'fastify']);

export interface Field {
  readonly senders: Senders;
  readonly servers: ReadonlyMap<Variant, ServerProcess>;
  stop(): Promise<void>;
}

/** Starts one server of each variant; they stay for all races. `otherCheckout`: of the variant 'other'. */
export async function openField(
  world: World,
  variants: readonly Variant[],
  otherCheckout?: string,
): Promise<Field> {
  const senders = await createSenders(world.sql, 'bench.example.com', CLIENTS);
  const started = variants.map(async (variant) => {
    const directory = join(world.directory, variant.replace(':', '-'));
    const environment = { DATABASE_URL: world.postgres.url, SLUICE_DATA_DIR: directory };
    const server =
      variant === 'other'
        ? await startVariant('journal', environment, { checkout: otherCheckout ?? noEntry('a checkout') })
        : await startVariant(variant, environment);
    return [variant, server] as const;
  });
  const servers = new Map(await Promise.all(started));
  return {
    senders,
    servers,
    async stop() {
      for (const server of servers.values()) await server.stop();
    },
  };
}

/** Throws when one of them does not keep what it is sent. */
export async function proveEntries(
  world: World,
  field: Field,
  entries: readonly Entry[],
  tell: (line: string) => void,
): Promise<void> {
  for (const { name, variant, form } of entries) {
    if (!STORING.has(variant) && !HOLDING.has(variant)) continue;
    tell(`${name}: is what is sent kept?`);
    const requests = form.make(field.senders, Math.ceil(CHECK_REQUESTS / form.records) + 2, true);
    await checkStored(world.sql, serverOf(field, variant).port, form, requests, HOLDING.has(variant));
  }
}

export async function race(
  world: World,
  field: Field,
  entries: readonly Entry[],
  values: RaceValues,
  tell: (line: string) => void,
): Promise<RaceResult> {
  const fileOf = (form: Form): string => join(world.directory, `${form.name.replaceAll(' ', '-')}.requests`);
  for (const { form } of entries) {
    const bodies = Math.ceil(BODIES / Math.sqrt(form.records));
    await writeRequests(fileOf(form), form.make(field.senders, bodies, false));
  }
  const serverUs = noFigures(entries);
  const postgresUs = noFigures(entries);
  const names = entries.map(({ name }) => name);
  const requestsPerSecond = await runRounds(names, values.rounds, async (name, round) => {
    tell(`${name}: round ${round + 1} of ${values.rounds}`);
    const { variant, form } = entries.find((entry) => entry.name === name) ?? noEntry(name);
    const server = serverOf(field, variant);
    const [serverBefore, postgresBefore] = await readCpu(world, server);
    const seconds = round < 0 ? 1 : values.seconds;
    const { connections } = form;
    const load = await shoot({ ...values, port: server.port, file: fileOf(form), connections, seconds });
    const [marker] = form.make(field.senders, 1, false);
    if (STORING.has(variant) && marker !== undefined)
      await settle(world.sql, server.port, form, marker, load.requests * form.records);
    const [serverAfter, postgresAfter] = await readCpu(world, server);
    if (round >= 0) {
      serverUs[name]?.push((serverAfter - serverBefore) / load.requests);
      postgresUs[name]?.push((postgresAfter - postgresBefore) / load.requests);
    }
    return load.requestsPerSecond;
  });
  return { requestsPerSecond, serverUs, postgresUs };
}

/** Of a server, and of Postgres, in µs. */
export function readCpu(world: World, server: ServerProcess): Promise<[number, number]> {
  return Promise.all([readCpuUs(server.pid), readCpuUs(world.postgres.pid)]);
}

/** What a load that went wrong has left: it comes to Postgres, and the tables are emptied. */
export async function settleAll(world: World, { senders, servers }: Field): Promise<void> {
  const form = findForm('pageview');
  const [marker] = form.make(senders, 1, false);
  for (const [variant, { port }] of servers) {
    if (!STORING.has(variant) || marker === undefined) continue;
    // One that is gone has nothing under way.
    await settle(world.sql, port, form, marker, 0).catch(() => undefined);
  }
}

function noFigures(entries: readonly Entry[]): Record<string, number[]> {
  return Object.fromEntries(entries.map(({ name }) => [name, []]));
}

function noEntry(name: string): never {
  throw new Error(`nobody is called ${name}`);
}

export function serverOf(field: Field, variant: Variant): ServerProcess {
  return field.servers.get(variant) ?? noEntry(variant);
}
