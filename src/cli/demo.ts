/** The demo site of the embedded database, and the welcome that shows how to use it. The token is printed once. */
import { randomBytes } from 'node:crypto';
import { relative, resolve } from 'node:path';
import { createPasswords } from '../admin/sign-in/password.ts';
import { createSite, findSite, type Site } from '../admin/sites/site.ts';
import { ensureDefaultTeam } from '../admin/teams/team.ts';
import { ensureFirstUser } from '../admin/users/first.ts';
import type { Sql } from '../store/connect.ts';
import { changeAs } from './admin/author.ts';
import { createTeamClient } from './admin/client.ts';
import type { EmbeddedPostgres } from '../store/embedded.ts';
import type { Ports } from './serve/start.ts';

export interface Demo {
  readonly site: Site;
  /** Null from the second start on: only its hash is kept. */
  readonly token: string | null;
  /** Of the first user; null when there was one already. */
  readonly password: string | null;
}

const EMAIL = 'admin@demo.example.com';
const DOMAIN = 'demo.example.com';

/** `makesUser`: unless the settings name the first user. */
export async function ensureDemo(sql: Sql, makesUser: boolean): Promise<Demo> {
  const password = randomBytes(12).toString('base64url');
  const credentials = { email: EMAIL, password };
  const first = makesUser ? await ensureFirstUser(sql, await createPasswords(), credentials) : null;
  const user = { password: first === null ? null : password };
  const existing = await findSite(sql, DOMAIN);
  if (existing !== null) return { site: existing, token: null, ...user };
  return changeAs(sql, 'serve', async (change) => {
    const created = await createSite(change, await ensureDefaultTeam(change.tx), DOMAIN);
    if (created.kind !== 'created') throw new Error('two gateways have started on the same data at once');
    const { site } = created;
    const { token } = await createTeamClient(change, {
      teamId: site.tenantId,
      siteId: site.id,
      name: 'demo',
      role: 'admin',
      expiresAt: null,
    });
    return { site, token, ...user };
  });
}

/** Goes to standard error: standard output carries the log, and the log never has a token. */
export function printWelcome(
  { port, adminPort }: Ports,
  dataDirectory: string,
  database: EmbeddedPostgres,
  demo: Demo,
): void {
  const base = baseOf(port);
  const sluice = `${nameFolder(dataDirectory)}npm run --silent sluice --`;
  const references = [...new Set([port, adminPort ?? port])].map((each) => `${baseOf(each)}/api/docs`);
  const token = demo.token ?? '$TOKEN';
  const moved =
    database.placed === null
      ? ''
      : `\nThe embedded Postgres cannot reach the data folder as its own user; its data is in ${database.placed}\n`;
  const access =
    demo.token === null
      ? `The demo token was shown at the first start. Make another, and set TOKEN to it:
  ${sluice} client create --name demo --site ${DOMAIN} --role admin`
      : `Token, shown only now: ${demo.token}`;
  process.stderr.write(`
Sluice takes records at ${base}
${moved}
${access}

A pageview:
${printCurl(base, token, '/api/ingest/server/pageview', pageview)}

An event:
${printCurl(base, token, '/api/ingest/server/event', event)}

A fetch by an AI crawler:
${printCurl(base, token, `/api/sites/${demo.site.id}/ingest/ai-fetch`, aiFetch)}

The rows:
  ${sluice} query "SELECT timestamp, hostname, path, country_code FROM hits"
  ${sluice} query "SELECT timestamp, name, properties FROM events"
  ${sluice} query "SELECT timestamp, assistant_name, path FROM ai_fetches"
With psql: PGPASSFILE=${relative(process.cwd(), database.passwordFile)} psql -h 127.0.0.1 -p ${database.port} -U sluice sluice

${adminPort === null ? '' : `${printSignIn(baseOf(adminPort), sluice, demo)}\n`}Every request, to read and to try: ${references.join(' and ')}

Ctrl-C stops it; the data stays.

`);
}

/** Before a command, which finds the folder by the environment; '' for the one that it takes without. */
function nameFolder(dataDirectory: string): string {
  if (resolve(dataDirectory) === resolve('.sluice')) return '';
  const path = resolve(dataDirectory);
  return `SLUICE_DATA_DIR=${/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`} `;
}

function baseOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function printSignIn(base: string, sluice: string, demo: Demo): string {
  if (demo.password === null)
    return `To manage clients, open ${base}/console and sign in. Who can, and a new password:
  ${sluice} user list
  ${sluice} user password --email ${EMAIL}
`;
  return `To manage clients, open ${base}/console and sign in, there or by curl, as ${EMAIL}; password, shown only now: ${demo.password}
  curl -i -c ~/.sluice-cookies ${base}/api/auth/login \\
    -d '{"email":"${EMAIL}","password":"${demo.password}"}'
  curl -b ~/.sluice-cookies ${base}/api/user/api-clients -d '{"name":"my first client","site_roles":[{"site_id":"${demo.site.id}","role":"admin"}]}'
`;
}

const now = (): string => new Date().toISOString();

function pageview(): object {
  return {
    url: `https://${DOMAIN}/hello?utm_source=readme`,
    timestamp: now(),
    visitor_ip: '8.8.8.8',
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0',
  };
}

function event(): object {
  return { ...pageview(), name: 'signup', properties: { plan: 'free' } };
}

function aiFetch(): object {
  return {
    path: '/hello',
    status_code: 200,
    user_agent: 'GPTBot/1.2',
    content_type: 'text/html',
    timestamp: now(),
  };
}

function printCurl(base: string, token: string, path: string, record: () => object): string {
  return `  curl -i ${base}${path} -H 'Authorization: Bearer ${token}' \\
    -d '${JSON.stringify(record())}'`.replace(
    `'Authorization: Bearer $TOKEN'`,
    '"Authorization: Bearer $TOKEN"',
  );
}
