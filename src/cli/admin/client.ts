/** sluice client create | list | revoke. */
import { randomBytes } from 'node:crypto';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { createClient, revokeClient } from '../../admin/clients/change.ts';
import { describeClient, findClient, ownerOf } from '../../admin/clients/client.ts';
import type { Change } from '../../admin/change.ts';
import { findSite } from '../../admin/sites/site.ts';
import { readConfig } from '../../config.ts';
import type { SiteRole } from '../../grants/grant.ts';
import type { Sql } from '../../store/connect.ts';
import { createToken } from '../../grants/token.ts';
import { parseTimestampUs } from '../../records/time.ts';
import { withDatabase } from '../database.ts';
import { changeAs } from './author.ts';

interface CreateOptions {
  readonly name: string;
  readonly site: string;
  readonly role: SiteRole;
  readonly expiresAt?: Date;
  readonly json?: true;
}

export function addClientCommands(program: Command): void {
  const client = program.command('client').description('API clients: who may write to which site');
  client
    .command('create')
    .description('make a client and print its token, which is shown only now')
    .requiredOption('--name <name>', 'what the client is for, 1 to 120 bytes', parseName)
    .requiredOption('--site <site>', 'id or domain of the site it may write to')
    .addOption(
      new Option('--role <role>', 'owner and admin may write records; editor and viewer may not')
        .choices(['owner', 'admin', 'editor', 'viewer'])
        .makeOptionMandatory(),
    )
    .option(
      '--expires-at <time>',
      'RFC 3339, such as 2027-01-31T00:00:00Z; without it the token does not expire',
      parseTime,
    )
    .option('--json', 'print {client, token} as JSON')
    .action((options: CreateOptions) =>
      withDatabase(readConfig(), async (sql) => {
        const site = await findSite(sql, options.site);
        if (site === null)
          throw new Error(`there is no site ${options.site} ('sluice site list' shows them)`);
        const created = await changeAs(sql, 'client create', (change) =>
          createTeamClient(change, {
            teamId: site.tenantId,
            siteId: site.id,
            name: options.name,
            role: options.role,
            expiresAt: options.expiresAt ?? null,
          }),
        );
        process.stdout.write(
          options.json === true
            ? `${JSON.stringify({ client: created.client, token: created.token })}\n`
            : `client ${created.id} is ${options.role} of ${site.domain}\ntoken, shown only now: ${created.token}\n`,
        );
      }),
    );
  client
    .command('list')
    .description('print every client, newest first')
    .option('--json', 'print one JSON object a line')
    .action((options: { json?: true }) =>
      withDatabase(readConfig(), async (sql) => {
        for (const found of await listEvery(sql))
          process.stdout.write(`${options.json === true ? JSON.stringify(found) : printClient(found)}\n`);
      }),
    );
  client
    .command('revoke')
    .description('stop a client; its token is refused by every running gateway within a second')
    .argument('<id>', "the client's id")
    .action((id: string) =>
      withDatabase(readConfig(), async (sql) => {
        const wasActive = await changeAs(sql, 'client revoke', (change) => revokeById(change, id));
        if (wasActive === null) throw new Error(`there is no client ${id}`);
        process.stdout.write(wasActive ? `client ${id} is revoked\n` : `client ${id} was revoked already\n`);
      }),
    );
}

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly state: string;
  readonly created_at: Date;
}

/** Of people, of teams, of organizations. */
async function listEvery(sql: Sql): Promise<readonly Listed[]> {
  return sql<Listed[]>`
    SELECT c.id, c.name, coalesce(t.name, u.email, 'an organization') AS owner, c.created_at,
           CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked' WHEN c.expires_at <= now() THEN 'expired' ELSE 'active' END AS state
    FROM api_clients c LEFT JOIN tenants t ON t.id = c.tenant_id LEFT JOIN users u ON u.id = c.user_id
    ORDER BY c.created_at DESC, c.id`;
}

function printClient({ id, name, owner, state }: Listed): string {
  return `${id}  ${state.padEnd(7)}  ${name} (${owner})`;
}

export interface TeamClientWanted {
  readonly teamId: string;
  readonly siteId: string;
  readonly name: string;
  readonly role: SiteRole;
  readonly expiresAt: Date | null;
}

/** A client of the site's team, with one role; its token is returned here and kept nowhere. */
export async function createTeamClient(
  change: Change,
  wanted: TeamClientWanted,
): Promise<{ readonly id: string; readonly client: object; readonly token: string }> {
  const token = createToken(randomBytes(32));
  const { teamId, siteId, name, role, expiresAt } = wanted;
  const siteRoles = [{ site_id: siteId, role }];
  const client = await createClient(
    change,
    { kind: 'team', teamId },
    { name, description: '', instanceRole: 'user', expiresAt, siteRoles },
    token,
    null,
  );
  return { id: client.id, client: describeClient(client), token };
}

/** Whether it was active before; null: there is none with this id. */
export async function revokeById(change: Change, id: string): Promise<boolean | null> {
  const [found] = await change.tx<
    { id: string; user_id: string | null; tenant_id: string | null; organization_id: string | null }[]
  >`SELECT id, user_id, tenant_id, organization_id FROM api_clients WHERE id::text = ${id.toLowerCase()}`;
  if (found === undefined) return null;
  const owner = ownerOf(found);
  const before = await findClient(change.tx, owner, found.id, true);
  if (before === null) return null;
  await revokeClient(change, owner, before);
  return before.revoked_at === null;
}

function parseName(text: string): string {
  const name = text.trim();
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > 120) throw new InvalidArgumentError('It must have 1 to 120 bytes.');
  return name;
}

function parseTime(text: string): Date {
  const timestampUs = parseTimestampUs(text);
  if (timestampUs === null)
    throw new InvalidArgumentError('It must be RFC 3339, such as 2027-01-31T00:00:00Z.');
  return new Date(timestampUs / 1000);
}
