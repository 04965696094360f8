/** A gateway in this process, people who are signed in to it, and requests as they send them. */
import { randomBytes } from 'node:crypto';
import { createSessions } from '../../src/admin/sign-in/session.ts';
import { loadSecrets } from '../../src/admin/sign-in/secret.ts';
import type { InstanceRole, TeamRole } from '../../src/admin/actor.ts';
import { createSite } from '../../src/admin/sites/site.ts';
import { createTeam, setMember } from '../../src/admin/teams/team.ts';
import { isRefusal } from '../../src/admin/refusal.ts';
import { createUser } from '../../src/admin/users/user.ts';
import { changeAs } from '../../src/cli/admin/author.ts';
import { readConfig } from '../../src/config.ts';
import type { SiteRole } from '../../src/grants/grant.ts';
import { startGateway, type Gateway } from '../../src/main.ts';
import type { Sql } from '../../src/store/connect.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { makeDirectory } from './gateway.ts';

export interface Instance {
  readonly base: string;
  readonly gateway: Gateway;
  readonly database: TestDatabase;
  readonly sql: Sql;
  /** All that was logged. */
  readonly lines: readonly string[];
  close(): Promise<void>;
}

export const SECRET = 'a secret of the tests, long enough to be one';
export const PUBLIC_URL = 'http://sluice.test';

/** `database`: one that another instance has as well; else a new one, dropped at the end. */
export async function startInstance(
  environment: Readonly<Record<string, string>> = {},
  database?: TestDatabase,
): Promise<Instance> {
  const own = database ?? (await createDatabase());
  const directory = await makeDirectory();
  const lines: string[] = [];
  const config = readConfig({
    SLUICE_HOST: '127.0.0.1',
    PORT: '0',
    SLUICE_DATA_DIR: directory.path,
    SLUICE_SECRET: SECRET,
    SLUICE_PUBLIC_URL: PUBLIC_URL,
    ...environment,
  });
  const gateway = await startGateway(config, {
    databaseUrl: environment['DATABASE_URL'] ?? own.url,
    log: {
      write: (level, fields, message) => lines.push(JSON.stringify({ level, fields, message })),
      flush: () => undefined,
    },
    onFatal: (error) => lines.push(`fatal ${String(error)}`),
  });
  return {
    base: `http://127.0.0.1:${gateway.port}`,
    gateway,
    database: own,
    sql: own.sql,
    lines,
    async close() {
      await gateway.close();
      if (database === undefined) await own.close();
      await directory.remove();
    },
  };
}

export interface Person {
  readonly id: string;
  readonly email: string;
  /** The Cookie header of a session. */
  readonly cookie: string;
}

/** Made behind the front's back, and signed in without a password: sign-ins are limited. */
export async function createPerson(sql: Sql, instanceRole: InstanceRole = 'user'): Promise<Person> {
  const email = `${randomBytes(6).toString('hex')}@example.com`;
  const user = await changeAs(sql, 'test', (change) =>
    createUser(change, { email, passwordHash: null, instanceRole }),
  );
  if (isRefusal(user)) throw new Error(user.detail);
  return { id: user.id, email, cookie: await signIn(sql, user.id) };
}

export async function signIn(sql: Sql, userId: string): Promise<string> {
  const { sessionKey } = await loadSecrets(sql, SECRET);
  const sessions = createSessions({ publicUrl: PUBLIC_URL, sessionMs: 900_000, key: sessionKey }, sql);
  const cookie = await sessions.open(sql, userId);
  return cookie.split(';')[0] ?? '';
}

export async function createTeamOf(sql: Sql, owner: Person, name = 'team'): Promise<string> {
  return changeAs(sql, 'test', (change) => createTeam(change, name, owner.id));
}

export async function addMember(sql: Sql, teamId: string, person: Person, role: TeamRole): Promise<void> {
  await changeAs(sql, 'test', (change) =>
    setMember(change, teamId, { user_id: person.id, email: person.email }, null, role),
  );
}

export async function addSite(sql: Sql, teamId: string): Promise<{ id: string; domain: string }> {
  const domain = `${randomBytes(6).toString('hex')}.example.com`;
  const made = await changeAs(sql, 'test', (change) => createSite(change, teamId, domain));
  if (made.kind !== 'created') throw new Error(made.kind);
  return made.site;
}

export async function setSiteRole(sql: Sql, siteId: string, person: Person, role: SiteRole): Promise<void> {
  await sql`INSERT INTO site_members (site_id, user_id, role) VALUES (${siteId}, ${person.id}, ${role})`;
}

export interface Sent {
  readonly cookie?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed; null when there is no body. */
  readonly body: unknown;
}

/** `request`: 'POST /api/user/api-clients'. A body that is a string or bytes goes out as it is. */
export async function ask(base: string, request: string, sent: Sent = {}): Promise<Answer> {
  const [method = 'GET', path = '/'] = request.split(' ');
  const { cookie, token, body, headers } = sent;
  const response = await fetch(base + path, {
    redirect: 'manual',
    method,
    headers: {
      ...(cookie === undefined ? {} : { Cookie: cookie }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A pageview of the site, as a forwarder sends it; returns the status. */
export async function sendPageview(base: string, token: string, domain: string): Promise<number> {
  const answer = await ask(base, 'POST /api/ingest/server/pageview', {
    token,
    body: {
      url: `https://${domain}/`,
      timestamp: new Date().toISOString(),
      visitor_ip: '192.0.2.1',
      user_agent: 'Firefox',
    },
  });
  return answer.status;
}
