/**
 * Two gateways behind Debian's haproxy are stopped and started again, one after the other, under load. Senders do not
 * try again and haproxy repeats no request that a gateway may have seen, so whatever a stop loses or refuses shows.
 */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startOn } from '../senders/restart.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, type DemoSite, type GatewayProcess } from '../setup/gateway.ts';
import { findFreePort } from '../setup/redis.ts';
import { installPrograms, run, type Program } from './programs.ts';

const SENDERS = 16;
const PAUSE_MS = 10;
/** Four times as long as haproxy waits between its looks at /readyz. */
const STOP_DELAY = '2s';

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  installPrograms('haproxy');
  database = await createDatabase();
  directory = await makeDirectory();
});
afterAll(async () => {
  await database.close();
  await directory.remove();
});

it.each([
  ['http', 'requests are shared out, and connections to gateways are used again'],
  ['tcp', 'a connection stays with its gateway, as with a service of Kubernetes'],
])(
  'no request is lost or refused while gateways are replaced behind haproxy in mode %s: %s',
  async (mode) => {
    const gateways = await Promise.all([0, 1].map((index) => start(0, `${mode}-${index}`)));
    const site = await createDemoSite(database.sql, `${mode}.example.com`);
    const proxy = await startProxy(mode, gateways);
    await expect.poll(() => countServersUp(proxy), WITHIN).toBe(2);
    const load = startLoad(proxy.port, site);
    for (const [index, gateway] of gateways.entries()) {
      const before = load.answered();
      expect(await gateway.stop('SIGTERM')).toBe(0);
      gateways[index] = await start(gateway.port, `${mode}-${index}`);
      await expect.poll(() => countServersUp(proxy), WITHIN).toBe(2);
      expect(load.answered()).toBeGreaterThan(before + SENDERS);
    }
    const failures = await load.end();
    expect(failures, proxy.program.output()).toEqual([]);
    for (const gateway of gateways) expect(await gateway.stop('SIGTERM')).toBe(0);
    const [row] = await database.sql<{ rows: number; ids: number }[]>`
    SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM hits WHERE site_id = ${site.siteId}`;
    expect(row).toEqual({ rows: load.answered(), ids: load.answered() });
  },
);

const WITHIN = { timeout: 30_000, interval: 100 };

async function start(port: number, folder: string): Promise<GatewayProcess> {
  const data = join(directory.path, folder);
  const gateway = await startOn(port, database, data, { SLUICE_STOP_DELAY: STOP_DELAY });
  onTestFinished(() => void gateway.process.kill('SIGKILL'));
  return gateway;
}

interface Proxy {
  readonly port: number;
  readonly statsPort: number;
  readonly program: Program;
}

/** As docs/deployment/haproxy.cfg has it, but for the ports, and with a page that says who is up. */
async function startProxy(mode: string, gateways: readonly GatewayProcess[]): Promise<Proxy> {
  const [port, statsPort] = [await findFreePort(), await findFreePort()];
  const documented = await readFile(DOCUMENTED, 'utf8');
  const configured = documented
    .replace('mode http', `mode ${mode}`)
    .replace('bind :80', `bind 127.0.0.1:${port}`)
    .replace(/127\.0\.0\.1:808(\d)/g, (_, number) => `127.0.0.1:${gateways[Number(number) - 1]?.port}`);
  const stats = `frontend stats\n  mode http\n  bind 127.0.0.1:${statsPort}\n  stats enable\n  stats uri /\n`;
  const file = join(directory.path, `${mode}.cfg`);
  await writeFile(file, configured + stats);
  const program = run('haproxy', ['-db', '-f', file]);
  onTestFinished(() => program.stop());
  return { port, statsPort, program };
}

const DOCUMENTED = join(import.meta.dirname, '../../docs/deployment/haproxy.cfg');

async function countServersUp({ statsPort }: Proxy): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${statsPort}/;csv`).catch(() => null);
  const lines = (await answer?.text())?.split('\n') ?? [];
  return lines.filter((line) => /^gateways,gateway\d,.*,UP,/.test(line)).length;
}

interface Load {
  /** How many got a 202 so far. */
  answered(): number;
  /** Returns what every request that got no 202 got instead. */
  end(): Promise<readonly string[]>;
}

/** Half of the senders keep their connections, the others open one for each record. */
function startLoad(port: number, site: DemoSite): Load {
  const failures: string[] = [];
  let answered = 0;
  let isOver = false;
  const senders = Array.from({ length: SENDERS }, async (_, number) => {
    const agent = new Agent({ keepAlive: number % 2 === 0, maxSockets: 1 });
    for (; !isOver; await sleep(PAUSE_MS)) {
      const outcome = await send(port, agent, site);
      if (outcome === '202') answered++;
      else failures.push(outcome);
    }
    agent.destroy();
  });
  return {
    answered: () => answered,
    async end() {
      isOver = true;
      await Promise.all(senders);
      return failures;
    },
  };
}

function send(port: number, agent: Agent, site: DemoSite): Promise<string> {
  const body = JSON.stringify({
    id: randomUUID(),
    url: `https://${site.domain}/`,
    timestamp: new Date().toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
  });
  const headers = { authorization: `Bearer ${site.token}`, 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const path = '/api/ingest/server/pageview';
    request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers }, (answer) => {
      let said = `${answer.statusCode} `;
      answer.on('data', (data: Buffer) => (said += data.toString()));
      answer.on('end', () => resolve(said.trim()));
    })
      .on('error', (error) => resolve(error.message))
      .end(body);
  });
}
