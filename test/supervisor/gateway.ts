/** A gateway of several processes, as a user runs it: which are they, and what do they count. */
import { readdir } from 'node:fs/promises';
import { request, type Agent } from 'node:http';
import { join } from 'node:path';
import type { TestDatabase } from '../setup/database.ts';
import { startProcess, type DemoSite, type GatewayProcess } from '../setup/gateway.ts';

const TOKEN = 'the token of the metrics';

export interface Processes extends GatewayProcess {
  /** The pid of the process that has the place now. */
  pidOf(index: number): number;
  /** Lines of the log with this message. */
  said(message: string): readonly Readonly<Record<string, unknown>>[];
  /** 'name{label="value"}' -> value, asked on a new connection. */
  metrics(): Promise<ReadonlyMap<string, number>>;
}

export async function startProcesses(
  processes: number,
  database: TestDatabase,
  directory: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Processes> {
  const gateway = await startProcess({
    DATABASE_URL: database.url,
    SLUICE_DATA_DIR: directory,
    SLUICE_PROCESSES: String(processes),
    SLUICE_METRICS_TOKEN: TOKEN,
    ...more,
  });
  const said: Processes['said'] = (message) =>
    gateway
      .output()
      .split('\n')
      .filter((line) => line.includes(`"msg":"${message}`))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    ...gateway,
    said,
    pidOf: (index) =>
      Number(said('a process listens').findLast((line) => line['process'] === index)?.['pid']),
    async metrics() {
      const { status, text } = await send(gateway.port, 'GET /metrics', TOKEN);
      if (status !== 200) throw new Error(`metrics are answered with ${status}`);
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return new Map(
        lines.map((line) => [
          line.slice(0, line.lastIndexOf(' ')),
          Number(line.slice(line.lastIndexOf(' ') + 1)),
        ]),
      );
    },
  };
}

/** On a connection of its own, unless an agent is given: so the kernel chooses the process each time. */
export function send(
  port: number,
  line: string,
  token: string,
  body = '',
  agent: Agent | false = false,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const [method = '', path = ''] = line.split(' ');
  const headers = { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...more };
  return new Promise((resolve, reject) => {
    const sending = request({ host: '127.0.0.1', port, path, method, agent, headers }, (answer) => {
      let text = '';
      answer.on('data', (data: Buffer) => (text += data.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on('error', reject);
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

/** Returns the status; 0: no answer. */
export async function sendRecord(port: number, site: DemoSite, agent?: Agent): Promise<number> {
  const record = {
    url: `https://${site.domain}/`,
    timestamp: new Date().toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
  };
  const line = 'POST /api/ingest/server/pageview';
  return send(port, line, site.token, JSON.stringify(record), agent ?? false).then(
    ({ status }) => status,
    () => 0,
  );
}

/** Statuses of so many records, each on a connection of its own. */
export function sendRecords(port: number, site: DemoSite, count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, () => sendRecord(port, site)));
}

/** Files that hold records, by folder: '.' is the journal of a gateway of one process. */
export async function listSegments(directory: string): Promise<readonly string[]> {
  const names = await readdir(join(directory, 'journal'), { recursive: true });
  return names.filter((name) => name.endsWith('.journal')).toSorted();
}
