import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { families } from '../../src/telemetry/metrics/metrics.ts';
import { ask, sendPageview, startInstance, type Answer, type Instance } from '../setup/administration.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';

const TOKEN = 'the token of the metrics';
let instance: Instance;
let site: DemoSite;

beforeAll(async () => {
  instance = await startInstance({ SLUICE_METRICS_TOKEN: TOKEN });
  site = await createDemoSite(instance.sql, 'metrics.example.com');
});
afterAll(async () => {
  await instance.close();
});

const scrape = (base = instance.base, token: string | null = TOKEN): Promise<Answer> =>
  ask(base, 'GET /metrics', token === null ? {} : { token });

/** 'name{label="value"}' -> value. */
async function read(): Promise<ReadonlyMap<string, number>> {
  const { text } = await scrape();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1).replace('Inf', 'Infinity'))];
    }),
  );
}

/** What `work` adds to each series that it changes, of those that begin so. */
async function changes(
  prefix: string,
  work: () => Promise<unknown>,
  except = /^$/,
): Promise<Record<string, number>> {
  const before = await read();
  await work();
  const after = await read();
  return Object.fromEntries(
    [...after]
      .filter(
        ([series, value]) =>
          series.startsWith(prefix) && !except.test(series) && value !== (before.get(series) ?? 0),
      )
      .map(([series, value]) => [series, value - (before.get(series) ?? 0)]),
  );
}

const pageview = (): Promise<number> => sendPageview(instance.base, site.token, site.domain);
const badBatch = (): Promise<Answer> =>
  ask(instance.base, 'POST /api/ingest/server/batch', { token: site.token, body: [{ type: 'pageview' }] });

describe('a metric', () => {
  it('has a name that says what it counts, and in which unit', () => {
    for (const { name, type, help } of families) {
      expect(name).toMatch(/^sluice_[a-z]+(_[a-z]+)+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|kb|mb|count|sum|bucket)$/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/^[A-Z0-9].*[^.]$/);
    }
    expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
  });

  it('has no label for what senders choose', () => {
    const labels = new Set(families.flatMap((family) => family.labels));
    expect([...labels].toSorted()).toEqual([
      'code',
      'kind',
      'layer',
      'le',
      'listener',
      'mark',
      'method',
      'outcome',
      'route',
      'state',
      'status',
      'verdict',
      'way',
    ]);
  });
});

describe('a scrape', () => {
  it('has every family, each once, with its help and type', async () => {
    const { status, headers, text } = await scrape();
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    for (const { name, help, type } of families)
      expect(text.split(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`)).toHaveLength(2);
    for (const name of [
      'process_cpu_seconds_total',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_gc_duration_seconds',
    ])
      expect(text).toContain(`# TYPE ${name} `);
    expect(text).toContain(`sluice_build_info{version="0.1.0",node="${process.version}"} 1`);
  });

  it('counts requests by route and class, and records by kind and verdict', async () => {
    expect(await changes('sluice_http_requests_total', pageview)).toEqual({
      'sluice_http_requests_total{method="POST",route="/api/ingest/server/pageview",status="2xx"}': 1,
      'sluice_http_requests_total{method="GET",route="/metrics",status="2xx"}': 1,
    });
    expect(await changes('sluice_records_total', pageview)).toEqual({
      'sluice_records_total{kind="pageview",verdict="accepted"}': 1,
    });
    expect(await changes('sluice_re', badBatch, /revocation/)).toEqual({
      'sluice_records_total{kind="batch",verdict="refused"}': 1,
      'sluice_refusals_total{code="field_required"}': 1,
    });
  });

  it('has a histogram whose buckets add up', async () => {
    const series = await changes('sluice_ack_duration_seconds', pageview);
    expect(series['sluice_ack_duration_seconds_count']).toBe(1);
    expect(series['sluice_ack_duration_seconds_bucket{le="+Inf"}']).toBe(1);
    const buckets = [...(await read())].filter(([name]) =>
      name.startsWith('sluice_ack_duration_seconds_bucket'),
    );
    const values = buckets.map(([, value]) => value);
    expect(values).toEqual(values.toSorted((one, other) => one - other));
    expect(buckets).toHaveLength(21);
  });

  it('follows a record through the journal into Postgres', async () => {
    const drained = (): Promise<void> =>
      expect
        .poll(async () => (await read()).get('sluice_journal_backlog_records'), { timeout: 10_000 })
        .toBe(0);
    await drained();
    const series = await changes('sluice_', async () => {
      await pageview();
      await drained();
    });
    expect(series).toMatchObject({
      'sluice_journal_records_total{mark="appended"}': 1,
      'sluice_journal_records_total{mark="stored"}': 1,
      sluice_journal_write_duration_seconds_count: 1,
      sluice_drain_write_duration_seconds_count: 1,
      'sluice_drain_rows_total{outcome="inserted"}': 1,
      'sluice_drain_batches_total{way="direct"}': 1,
    });
    expect((await read()).get('sluice_journal_backlog_bytes')).toBe(0);
    expect((await read()).get('sluice_journal_backlog_age_seconds')).toBe(0);
  });

  it('says what the gateway is connected to', async () => {
    const series = await read();
    expect(series.get('sluice_postgres_up')).toBe(1);
    expect(series.get('sluice_grants_believable')).toBe(1);
    expect(series.get('sluice_journal_state{state="open"}')).toBe(1);
    expect(series.has('sluice_redis_up')).toBe(false);
  });

  it('does not grow by what senders make up, and repeats none of it', async () => {
    const invent = async (turn: number): Promise<void> => {
      await ask(instance.base, `GET /nowhere-${turn}`);
      await ask(instance.base, `POST /nowhere-${turn}`, { body: {} });
      await ask(instance.base, `POST /api/sites/${turn}/ingest/ai-fetch`, {
        token: `invented-${turn}`,
        body: {},
      });
      await ask(instance.base, 'POST /api/ingest/server/batch', {
        token: site.token,
        body: [{ type: `kind-${turn}` }],
      });
    };
    await invent(1);
    await read();
    const before = await read();
    for (let turn = 2; turn < 20; turn++) await invent(turn);
    const after = await read();
    // What Node says of itself comes and goes.
    const grown = [...after.keys()].filter((series) => series.startsWith('sluice_') && !before.has(series));
    expect(grown).toEqual([]);
    expect(after.get('sluice_http_requests_total{method="other",route="other",status="4xx"}')).toBe(38);
    const { text } = await scrape();
    for (const word of ['nowhere', 'invented', 'kind-', site.domain, site.siteId, site.clientId, site.token])
      expect(text).not.toContain(word);
  });
});

describe('the metrics', () => {
  it('ask for their token where there is one', async () => {
    expect((await scrape(instance.base, null)).status).toBe(401);
    expect((await scrape(instance.base, site.token)).status).toBe(401);
    expect((await scrape(instance.base, TOKEN)).status).toBe(200);
  });

  it('without a token are on a port of their own, or nowhere', async () => {
    const apart = await startInstance({ SLUICE_ADMIN_PORT: '0' }, instance.database);
    const administration = `http://127.0.0.1:${apart.gateway.adminPort ?? 0}`;
    expect((await scrape(administration, null)).status).toBe(200);
    expect((await scrape(apart.base, null)).status).toBe(404);
    expect((await scrape(administration, null)).text).toContain(
      'sluice_http_connections{listener="administration"}',
    );
    await apart.close();
    const beside = await startInstance({}, instance.database);
    expect((await scrape(beside.base, null)).status).toBe(404);
    await beside.close();
  });
});
