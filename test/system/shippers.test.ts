/**
 * Web servers and a log shipper as Debian has them: Caddy and nginx write their access logs, syslog-ng follows the files
 * and posts them, the gateway is restarted in between. Every request is one row, with what the log says.
 */
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, type DemoSite, type GatewayProcess } from '../setup/gateway.ts';
import { startOn } from '../senders/restart.ts';
import { installPrograms, run, type Program } from './programs.ts';

const REQUESTS = 150;

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  installPrograms('caddy', 'nginx', 'syslog-ng');
  database = await createDatabase();
  directory = await makeDirectory();
});
afterAll(async () => {
  await database.close();
  await directory.remove();
});

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

const path = (name: string): string => join(directory.path, name);

async function startCaddy(port: number, log: string): Promise<Program> {
  await writeFile(
    path('Caddyfile'),
    `{
  admin off
  auto_https off
  storage file_system ${path('caddy')}
}
http://127.0.0.1:${port} {
  header Content-Type "text/html; charset=utf-8"
  respond "hello"
  log {
    output file ${log}
    format json
  }
}
`,
  );
  const words = ['run', '--config', path('Caddyfile'), '--adapter', 'caddyfile'];
  return run('caddy', words, { XDG_CONFIG_HOME: directory.path, XDG_DATA_HOME: directory.path });
}

/** The log_format is the one that the docs give. */
async function startNginx(port: number, log: string): Promise<Program> {
  await writeFile(
    path('nginx.conf'),
    `daemon off;
pid ${path('nginx.pid')};
error_log ${path('nginx-error.log')};
events {}
http {
  log_format sluice escape=json '{"timestamp":"$time_iso8601","id":"$request_id","hostname":"$host","path":"$request_uri",'
    '"method":"$request_method","status_code":$status,"bytes_served":$bytes_sent,"response_s":$request_time,'
    '"content_type":"$sent_http_content_type","user_agent":"$http_user_agent","referrer":"$http_referer",'
    '"visitor_ip":"$remote_addr"}';
  access_log ${log} sluice;
  default_type text/html;
  client_body_temp_path ${path('body')};
  proxy_temp_path ${path('proxy')};
  fastcgi_temp_path ${path('fastcgi')};
  uwsgi_temp_path ${path('uwsgi')};
  scgi_temp_path ${path('scgi')};
  server { listen 127.0.0.1:${port}; location / { return 200 "hello"; } }
}
`,
  );
  return run('nginx', ['-p', directory.path, '-c', path('nginx.conf')]);
}

async function startSyslog(log: string, gateway: GatewayProcess, site: DemoSite): Promise<Program> {
  const url = `${gateway.base}/api/sites/${site.siteId}/ingest/access-log?pageviews=1`;
  await writeFile(
    path('syslog-ng.conf'),
    `@version: 3.38
options { time-reopen(1); };
source access { file("${log}" follow-freq(0.2) flags(no-parse)); };
destination sluice {
  http(
    url("${url}") method("POST") headers("Authorization: Bearer ${site.token}")
    body("\${MESSAGE}") delimiter("\\n") batch-lines(20) batch-timeout(200)
    retries(1000) timeout(10)
  );
};
log { source(access); destination(sluice); };
`,
  );
  return run('syslog-ng', [
    ...['-F', '--no-caps', '-f', path('syslog-ng.conf'), '--persist-file', path('persist')],
    ...['--control', path('control'), '--pidfile', path('pid')],
  ]);
}

/** Every third request is a person's. */
const isPerson = (index: number): boolean => index % 3 === 0;

async function browse(port: number, from: number, to: number): Promise<void> {
  for (let index = from; index < to; index++) {
    const userAgent = isPerson(index) ? 'Mozilla/5.0 Firefox' : 'Mozilla/5.0 (compatible; GPTBot/1.2)';
    const answer = await fetch(`http://127.0.0.1:${port}/page/${index}?q=%20${index}`, {
      headers: { 'User-Agent': userAgent, Referer: 'https://example.org/' },
    });
    expect(answer.status).toBe(200);
  }
}

async function waitForPort(port: number): Promise<void> {
  await expect
    .poll(
      () =>
        fetch(`http://127.0.0.1:${port}/ready`).then(
          () => true,
          () => false,
        ),
      { timeout: 30_000 },
    )
    .toBe(true);
}

describe.each([
  ['Caddy', startCaddy],
  ['nginx', startNginx],
])('%s, and syslog-ng', (name, startServer) => {
  it('bring every request, once, though the gateway is restarted in between', async () => {
    const site = await createDemoSite(database.sql, `${name.toLowerCase()}.example.com`);
    let gateway = await startOn(0, database, path(`data-${name}`));
    const log = path(`${name}.log`);
    const port = await findFreePort();
    await writeFile(log, '');
    const syslog = await startSyslog(log, gateway, site);
    const server = await startServer(port, log);
    try {
      await waitForPort(port);
      await browse(port, 0, REQUESTS / 3);
      await gateway.stop('SIGTERM');
      await browse(port, REQUESTS / 3, (2 * REQUESTS) / 3);
      gateway = await startOn(gateway.port, database, path(`data-${name}`));
      await browse(port, (2 * REQUESTS) / 3, REQUESTS);
      const persons = Math.ceil(REQUESTS / 3);
      const count = async (): Promise<string> => {
        const [hits] = await database.sql<{ all: number; paths: number }[]>`
          SELECT count(*)::int AS all, count(DISTINCT path)::int AS paths FROM hits
          WHERE site_id = ${site.siteId} AND path LIKE '/page/%'`;
        const [fetches] = await database.sql<{ all: number; paths: number }[]>`
          SELECT count(*)::int AS all, count(DISTINCT path)::int AS paths FROM ai_fetches
          WHERE site_id = ${site.siteId}`;
        return [hits?.all, hits?.paths, fetches?.all, fetches?.paths].join(' ');
      };
      await expect
        .poll(count, { timeout: 90_000, interval: 250 })
        .toBe([persons, persons, REQUESTS - persons, REQUESTS - persons].join(' '));
      const [row] = await database.sql`
        SELECT * FROM ai_fetches WHERE site_id = ${site.siteId} AND path = '/page/1?q=%201'`;
      expect(row).toMatchObject({
        hostname: '127.0.0.1',
        assistant_name: 'GPTBot',
        status_code: 200,
        resource_type: 'html',
        referrer: 'https://example.org/',
        method: 'GET',
        client_id: site.clientId,
      });
      expect(await database.sql`SELECT FROM unread_lines WHERE site_id = ${site.siteId}`).toHaveLength(0);
    } catch (error) {
      throw new Error(`${name}: ${server.output()}\nsyslog-ng: ${syslog.output()}`, { cause: error });
    } finally {
      await server.stop();
      await syslog.stop();
      await gateway.stop('SIGTERM');
    }
  });
});
