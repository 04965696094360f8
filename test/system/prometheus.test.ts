/** A real Prometheus scrapes a real gateway, loads the alert rules, and answers the dashboard's questions. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, sendPageview, startInstance, type Instance } from '../setup/administration.ts';
import { createDemoSite, makeDirectory } from '../setup/gateway.ts';
import { installPrograms, run, type Program } from './programs.ts';

const MONITORING = join(import.meta.dirname, '../../k8s/monitoring');
const TOKEN = 'the token of the metrics';
const PAGEVIEWS = 25;

let directory: { path: string; remove: () => Promise<void> };
let instance: Instance;
let prometheus: Program;
let base: string;

beforeAll(async () => {
  installPrograms('prometheus');
  directory = await makeDirectory();
  instance = await startInstance({ SLUICE_METRICS_TOKEN: TOKEN, SLUICE_ADMIN_PORT: '0' });
  const configuration = join(directory.path, 'prometheus.yaml');
  await writeFile(
    configuration,
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [join(MONITORING, 'alerts.yaml')],
      scrape_configs: [
        {
          job_name: 'sluice',
          authorization: { credentials: TOKEN },
          static_configs: [{ targets: [`127.0.0.1:${instance.gateway.adminPort ?? 0}`] }],
        },
      ],
    }),
  );
  const port = await findPort();
  base = `http://127.0.0.1:${port}`;
  prometheus = run('prometheus', [
    `--config.file=${configuration}`,
    `--storage.tsdb.path=${join(directory.path, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
});
afterAll(async () => {
  await prometheus.stop();
  await instance.close();
  await directory.remove();
});

async function findPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const isReady = (): Promise<boolean> =>
  fetch(`${base}/-/ready`).then(
    (response) => response.ok,
    () => false,
  );

/** By the question's result: the value of its only series; null: there is none. */
async function query(expression: string): Promise<number | null> {
  const answer = await ask(base, `GET /api/v1/query?query=${encodeURIComponent(expression)}`);
  if (answer.status !== 200) throw new Error(`${expression}: ${answer.text}`);
  const { data } = answer.body as { data: { result: { value: [number, string] }[] } };
  const value = data.result[0]?.value[1];
  return value === undefined ? null : Number(value);
}

it('it is ready', async () => {
  await expect.poll(isReady, { timeout: 30_000 }).toBe(true);
});

it('promtool finds nothing wrong with the rules, nor with what is scraped', async () => {
  const promtool = (words: readonly string[], input = ''): string =>
    execFileSync('promtool', words, { cwd: MONITORING, input, encoding: 'utf8' });
  expect(promtool(['check', 'rules', 'alerts.yaml'])).toContain('SUCCESS');
  expect(promtool(['test', 'rules', 'alerts.test.yaml'])).toContain('SUCCESS');
  const { text } = await ask(`http://127.0.0.1:${instance.gateway.adminPort ?? 0}`, 'GET /metrics', {
    token: TOKEN,
  });
  const ours = text.split('\n\n').filter((family) => family.startsWith('# HELP sluice_'));
  expect(promtool(['check', 'metrics'], `${ours.join('\n')}\n`)).toBe('');
});

it('it has what the gateway has counted', async () => {
  const { token, domain } = await createDemoSite(instance.sql, 'prometheus.example.com');
  for (let sent = 0; sent < PAGEVIEWS; sent++)
    expect(await sendPageview(instance.base, token, domain)).toBe(202);
  const ask = (expression: string) => expect.poll(() => query(expression), { timeout: 15_000 });
  await ask('up{job="sluice"}').toBe(1);
  await ask('sluice_records_total{kind="pageview",verdict="accepted"}').toBe(PAGEVIEWS);
  await ask('sluice_ack_duration_seconds_count').toBe(PAGEVIEWS);
  await ask('sum(sluice_drain_rows_total)').toBe(PAGEVIEWS);
  await ask('histogram_quantile(0.99, sluice_ack_duration_seconds_bucket) > 0').not.toBeNull();
  await ask('sluice_postgres_up').toBe(1);
});

it('it evaluates every rule, and none fires', async () => {
  interface Rules {
    readonly data: { groups: { rules: { name: string; health: string; state: string }[] }[] };
  }
  const read = async (): Promise<Rules['data']['groups'][number]['rules']> =>
    ((await ask(base, 'GET /api/v1/rules')).body as Rules).data.groups.flatMap((group) => group.rules);
  await expect
    .poll(async () => (await read()).every(({ health }) => health === 'ok'), { timeout: 15_000 })
    .toBe(true);
  expect((await read()).filter(({ state }) => state !== 'inactive')).toEqual([]);
  expect((await read()).length).toBeGreaterThan(10);
});

it('it has an answer to every question of the dashboard', async () => {
  interface Panel {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }
  const { panels } = JSON.parse(readFileSync(join(MONITORING, 'dashboard.json'), 'utf8')) as {
    panels: readonly Panel[];
  };
  const findEmpty = async (): Promise<string[]> => {
    const empty: string[] = [];
    for (const { title, targets = [] } of panels)
      for (const { expr } of targets) {
        const filled = expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '5m');
        if ((await query(filled)) === null) empty.push(title);
      }
    return empty;
  };
  // Nothing was refused, and there is no Redis: its two series. A rate needs two scrapes.
  await expect
    .poll(findEmpty, { timeout: 15_000, interval: 500 })
    .toEqual(['Refusals by code', 'Connected', 'Connected']);
});
