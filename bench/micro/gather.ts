/**
 * A crowd of clients: in Postgres, their grants in Redis, where an earlier gateway would have left them, and the files that
 * wrk sends from. A million take less than a minute. Redis keeps them for an hour: no part of a bench outlives them.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMeter } from '../../src/grants/limit.ts';
import { createRedisTier } from '../../src/grants/redis.ts';
import type { Grant, SiteRole } from '../../src/grants/grant.ts';
import { hashToken } from '../../src/grants/token.ts';
import { startRedis, type RedisServer } from '../../test/setup/redis.ts';
import { findForm } from '../table/forms.ts';
import { writeRequests } from '../table/wrk.ts';
import { createSenders, type Senders, type World } from '../world.ts';

export interface Crowd {
  readonly redis: RedisServer;
  readonly namespace: string;
  readonly senders: Senders;
  /** A pageview, to be sent with any of the tokens. */
  readonly requestFile: string;
  /** A request that is refused as soon as its token is known: the grant is in memory then, and nothing else has changed. */
  readonly knockFile: string;
  readonly tokensFile: string;
  close(): Promise<void>;
}

const SET_AT_ONCE = 5000;
const KEPT_MS = 3_600_000;

export async function gatherCrowd(
  world: World,
  clients: number,
  tell: (line: string) => void,
): Promise<Crowd> {
  tell(`crowd: ${clients} clients into Postgres`);
  const senders = await createSenders(world.sql, 'crowd.example.com', clients);
  const redis = await startRedis();
  try {
    const [instance] = await world.sql<{ id: string }[]>`SELECT id FROM instance`;
    const namespace = `sluice:${instance?.id}`;
    tell(`crowd: ${clients} grants into Redis`);
    await fillRedis(world, redis, namespace, senders);
    const requestFile = join(world.directory, 'crowd.requests');
    const knockFile = join(world.directory, 'crowd.knocks');
    const tokensFile = join(world.directory, 'crowd.tokens');
    const pageviews = findForm('pageview').make(senders, 1, false);
    await writeRequests(requestFile, pageviews);
    const path = '/api/sites/none/ingest/cloudfront';
    await writeRequests(
      knockFile,
      pageviews.map((pageview) => ({ ...pageview, path })),
    );
    await writeFile(tokensFile, senders.tokens.map((token) => `${token}\n`).join(''));
    return { redis, namespace, senders, requestFile, knockFile, tokensFile, close: () => redis.close() };
  } catch (error) {
    await redis.close();
    throw error;
  }
}

/**
 * The first grant is written by Sluice itself; the others are its text with the id of another client, sent as plain SETs:
 * ten times as fast as asking for each whether something newer is there.
 */
async function fillRedis(
  world: World,
  redis: RedisServer,
  namespace: string,
  senders: Senders,
): Promise<void> {
  const tier = createRedisTier({ url: redis.url, namespace, timeoutMs: 10_000 }, { log: () => undefined });
  while (!tier.stats().isConnected) await sleep(10);
  // What was read before the end of the revocation log is not believed.
  const [log] = await world.sql<{ end: number }[]>`
    SELECT coalesce(max(seq), 0)::float8 AS "end" FROM revocation_log`;
  const first = makeGrant(senders);
  tier.fill(first, log?.end ?? 0);
  if ((await tier.read(first.tokenHash)) === null) throw new Error('Redis does not keep the grants');
  const socket = connect(redis.port, '127.0.0.1');
  const prefix = `${namespace}:grant:`;
  const text = (await ask(socket, ['GET', prefix + first.tokenHash])).split('\r\n')[1] ?? '';
  const { tokens, clientIds } = senders;
  for (let from = 0; from < tokens.length; from += SET_AT_ONCE) {
    const commands = tokens.slice(from, from + SET_AT_ONCE).map((token, index) => {
      const value = text.replace(first.clientId, clientIds[from + index] ?? '');
      return printCommand(['SET', prefix + hashToken(token), value, 'PX', String(KEPT_MS)]);
    });
    socket.write(commands.join(''));
    await readOks(socket, commands.length);
  }
  socket.destroy();
  const last = await tier.read(hashToken(tokens.at(-1) ?? ''));
  if (last?.grant.clientId !== clientIds.at(-1)) throw new Error('Redis does not keep the grants');
  await tier.close();
}

/** The first client's, as Postgres would tell it. */
function makeGrant({ siteId, tokens, clientIds }: Senders): Grant {
  const roles: Grant['siteRoles'] = new Map<string, SiteRole>([[siteId, 'admin']]);
  return {
    clientId: clientIds[0] ?? '',
    tokenHash: hashToken(tokens[0] ?? ''),
    version: 1,
    expiresAtMs: Infinity,
    siteRoles: roles,
    currentRoles: roles,
    limits: null,
    meter: createMeter(),
    isVoid: false,
  };
}

/** An answer that comes in one piece. */
async function ask(socket: Socket, words: readonly string[]): Promise<string> {
  socket.write(printCommand(words));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString();
}

function printCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** Throws when one of them is something else. */
async function readOks(socket: Socket, count: number): Promise<void> {
  const wanted = '+OK\r\n'.repeat(count);
  let answers = '';
  while (answers.length < wanted.length) {
    const [data] = (await once(socket, 'data')) as [Buffer];
    answers += data.toString();
  }
  if (answers !== wanted) throw new Error(`Redis answers ${answers.slice(0, 100)}`);
}
