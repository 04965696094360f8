/** Many clients at once, each noting what it was promised: the oracle of the crash tests. */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoSite } from '../setup/gateway.ts';

export interface Senders {
  /** Ids of records that were answered with 202, by table. */
  readonly promised: Readonly<Record<'hits' | 'events' | 'ai_fetches', Set<string>>>;
  /** Ids of all records that were sent at all. */
  readonly sent: Set<string>;
  /** Answers by status; 0 = no answer. */
  readonly statuses: Map<number, number>;
  /** Where to send from now on. */
  setPort(port: number): void;
  stop(): Promise<void>;
}

const kinds = [
  { table: 'hits', path: () => '/api/ingest/server/pageview' },
  { table: 'events', path: () => '/api/ingest/server/event' },
  { table: 'ai_fetches', path: (site: DemoSite) => `/api/sites/${site.siteId}/ingest/ai-fetch` },
] as const;

/** Each sender has one record on its way at a time, over a connection that it keeps. */
export function startSenders(count: number, port: number, site: DemoSite, prefer = ''): Senders {
  const promised = { hits: new Set<string>(), events: new Set<string>(), ai_fetches: new Set<string>() };
  const sent = new Set<string>();
  const statuses = new Map<number, number>();
  const agent = new Agent({ keepAlive: true, maxSockets: count });
  let target = port;
  let isStopped = false;

  async function run(index: number): Promise<void> {
    for (let turn = index; !isStopped; turn++) {
      const kind = kinds[turn % kinds.length] ?? kinds[0];
      const id = randomUUID();
      sent.add(id);
      const status = await post(target, agent, kind.path(site), site.token, prefer, {
        id,
        url: `https://${site.domain}/page/${turn}`,
        path: `/page/${turn}`,
        timestamp: new Date().toISOString(),
        visitor_ip: '192.0.2.7',
        user_agent: 'GPTBot/1.2',
        status_code: 200,
        name: 'sent',
        properties: { turn },
      });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 202) promised[kind.table].add(id);
      else await sleep(20);
    }
  }

  const running = Promise.all(Array.from({ length: count }, (_, index) => run(index)));
  return {
    promised,
    sent,
    statuses,
    setPort(next) {
      target = next;
    },
    async stop() {
      isStopped = true;
      await running;
      agent.destroy();
    },
  };
}

function post(
  port: number,
  agent: Agent,
  path: string,
  token: string,
  prefer: string,
  record: object,
): Promise<number> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}`, ...(prefer === '' ? {} : { prefer }) };
    const sending = request({
      host: '127.0.0.1',
      port,
      path,
      method: 'POST',
      agent,
      headers,
      timeout: 30_000,
    });
    sending.on('response', (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
      answer.on('error', () => resolve(0));
    });
    sending.on('timeout', () => sending.destroy());
    sending.on('error', () => resolve(0));
    sending.end(JSON.stringify(record));
  });
}
