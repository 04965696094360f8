/**
 * Two gateways, one Redis, one Postgres, and every way in which they can lose each other: a token that was rolled is
 * never taken past the bound, and where one way of hearing of it is left, long before.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createProxy, readPort, throughProxy, type Proxy } from '../grants/proxy.ts';
import {
  addSite,
  ask,
  createPerson,
  createTeamOf,
  sendPageview,
  signIn,
  type Person,
} from '../setup/administration.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { makeDirectory, startProcess, type GatewayProcess } from '../setup/gateway.ts';
import { startRedis, type RedisServer } from '../setup/redis.ts';

const BOUND_MS = 3000;
const SENDERS = 4;

interface Node {
  readonly gateway: GatewayProcess;
  readonly postgres: Proxy;
  readonly redis: Proxy;
}

let database: TestDatabase;
let owner: Person;
let list: string;
let site: { id: string; domain: string };
let redis: RedisServer;
let near: Node;
let far: Node;
let closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await createDatabase();
  owner = await createPerson(database.sql);
  const teamId = await createTeamOf(database.sql, owner);
  site = await addSite(database.sql, teamId);
  list = `/api/user/teams/${teamId}/api-clients`;
});
afterAll(async () => {
  await database.close();
});
beforeEach(async () => {
  redis = await startRedis();
  [near, far] = await Promise.all([startNode('near'), startNode('far')]);
  // Sessions end with their time, and tests may be slow.
  owner = { ...owner, cookie: await signIn(database.sql, owner.id) };
});
afterEach(async () => {
  redis.process.kill('SIGCONT');
  await Promise.all(closers.splice(0).map((close) => close()));
  closers = [];
  await redis.close();
});

async function startNode(name: string): Promise<Node> {
  const postgres = await createProxy(readPort(database.url));
  const toRedis = await createProxy(redis.port);
  const directory = await makeDirectory();
  const gateway = await startProcess({
    DATABASE_URL: throughProxy(database.url, postgres),
    REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
    SLUICE_DATA_DIR: directory.path,
    SLUICE_SECRET: 'a secret of the tests, long enough to be one',
    SLUICE_PUBLIC_URL: 'http://sluice.test',
    SLUICE_GRANT_STALE: `${BOUND_MS}ms`,
    SLUICE_STOP_TIMEOUT: '500ms',
    SLUICE_NODE_NAME: name,
  });
  closers.push(async () => {
    postgres.mend();
    await gateway.stop('SIGKILL');
    await Promise.all([postgres.close(), toRedis.close(), directory.remove()]);
  });
  return { gateway, postgres, redis: toRedis };
}

async function makeClient(): Promise<{ id: string; token: string }> {
  const answer = await ask(near.gateway.base, `POST ${list}`, {
    cookie: owner.cookie,
    body: { name: 'forwarder', site_roles: [{ site_id: site.id, role: 'admin' }] },
  });
  const { client, token } = answer.body as { client: { id: string }; token: string };
  return { id: client.id, token };
}

async function roll(id: string): Promise<{ token: string; pending: unknown[] }> {
  const answer = await ask(near.gateway.base, `POST ${list}/${id}/rotate`, { cookie: owner.cookie });
  expect(answer.status).toBe(200);
  const { token, receipt } = answer.body as { token: string; receipt: { pending: unknown[] } };
  return { token, pending: receipt.pending };
}

interface Load {
  /** What was answered to requests sent at or after a time. */
  since(atMs: number): number[];
  stop(): Promise<void>;
}

/** Sends with one token, over and over, and notes when each request was sent and what was answered. */
function startLoad(node: Node, token: string): Load {
  const noted: { readonly atMs: number; readonly status: number }[] = [];
  let isOver = false;
  const senders = Array.from({ length: SENDERS }, async () => {
    while (!isOver) {
      const atMs = performance.now();
      noted.push({ atMs, status: await sendPageview(node.gateway.base, token, site.domain) });
    }
  });
  return {
    since: (atMs) => noted.filter((one) => one.atMs >= atMs).map((one) => one.status),
    async stop() {
      isOver = true;
      await Promise.all(senders);
    },
  };
}

const send = (node: Node, token: string): Promise<number> =>
  sendPageview(node.gateway.base, token, site.domain);

/** Rolls under load on both gateways; the loads go on until the bound is over. */
async function rollUnder(fault: () => void | Promise<void>) {
  const client = await makeClient();
  expect(await send(near, client.token)).toBe(202);
  expect(await send(far, client.token)).toBe(202);
  const loads = [startLoad(near, client.token), startLoad(far, client.token)];
  await fault();
  await sleep(300);
  const rolled = await roll(client.id);
  const repliedAtMs = performance.now();
  // A request that is sent later than the bound after the answer comes later than the bound after the commit.
  await sleep(BOUND_MS + 700);
  await Promise.all(loads.map((load) => load.stop()));
  const [onNear = [], onFar = []] = loads.map((load) => load.since(repliedAtMs + BOUND_MS));
  expect(onNear.length).toBeGreaterThan(0);
  expect(onFar.length).toBeGreaterThan(0);
  expect(new Set(onNear)).toEqual(new Set([401]));
  expect(onFar).not.toContain(202);
  return { client, rolled, statuses: new Set(onFar), loads, repliedAtMs };
}

describe('a rolled token', () => {
  it('is refused by both gateways, which the receipt says', async () => {
    const { rolled, statuses, loads, repliedAtMs } = await rollUnder(() => undefined);
    expect(rolled.pending).toEqual([]);
    expect(statuses).toEqual(new Set([401]));
    // The answer came after both had applied it: what is sent after the answer is refused.
    for (const load of loads) expect(load.since(repliedAtMs)).not.toContain(202);
    expect(await send(far, rolled.token)).toBe(202);
  });

  it('is refused when Redis is killed', async () => {
    const { rolled, statuses } = await rollUnder(() => redis.close());
    expect(rolled.pending).toEqual([]);
    expect(statuses).toEqual(new Set([401]));
    expect(await send(far, rolled.token)).toBe(202);
  });

  it('is refused when Redis is frozen', async () => {
    const { rolled, statuses } = await rollUnder(() => void redis.process.kill('SIGSTOP'));
    expect(rolled.pending).toEqual([]);
    expect(statuses).toEqual(new Set([401]));
    expect(await send(far, rolled.token)).toBe(202);
  });

  it('is refused by a gateway that is cut off from Redis', async () => {
    const { rolled, statuses } = await rollUnder(() => far.redis.cut());
    expect(rolled.pending).toEqual([]);
    expect(statuses).toEqual(new Set([401]));
    expect(await send(far, rolled.token)).toBe(202);
  });

  it('is refused by a gateway that is cut off from Postgres, which goes on taking good ones past the bound', async () => {
    const other = await makeClient();
    expect(await send(far, other.token)).toBe(202);
    expect(await send(near, other.token)).toBe(202);
    const { client, rolled, loads, repliedAtMs } = await rollUnder(() => far.postgres.cut());
    // It cannot say so itself.
    expect(rolled.pending).toMatchObject([{ node: 'far' }]);
    expect(loads[1]?.since(repliedAtMs + 1000)).not.toContain(202);
    // What was known before is confirmed by the other gateway, through Redis.
    expect(await send(far, other.token)).toBe(202);
    // What the other gateway has read since is believed.
    expect(await send(near, rolled.token)).toBe(202);
    expect(await send(far, rolled.token)).toBe(202);
    far.postgres.mend();
    await expect.poll(() => send(far, client.token), { timeout: 20_000 }).toBe(401);
  });

  it('is in doubt, past the bound, on a gateway that is cut off from both, and refused when that is over', async () => {
    const { client, rolled, statuses } = await rollUnder(() => {
      far.redis.cut();
      far.postgres.cut();
    });
    expect(rolled.pending).toMatchObject([{ node: 'far' }]);
    expect(statuses).toEqual(new Set([503]));
    far.postgres.mend();
    await expect.poll(() => send(far, client.token), { timeout: 20_000 }).toBe(401);
    await expect.poll(() => send(far, rolled.token), { timeout: 20_000 }).toBe(202);
  });

  it('is refused when Redis comes back after everybody was cut off from it', async () => {
    const { client, rolled } = await rollUnder(() => {
      near.redis.cut();
      far.redis.cut();
    });
    near.redis.mend();
    far.redis.mend();
    // What Redis still holds of the old token is not believed.
    for (let again = 0; again < 50; again++) {
      expect(await send(near, client.token)).toBe(401);
      expect(await send(far, client.token)).toBe(401);
      await sleep(20);
    }
    expect(await send(far, rolled.token)).toBe(202);
  });
});
