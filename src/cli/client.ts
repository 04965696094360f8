/** sluice client create | revoke. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { createTeamClient, revokeClient } from '../admin/clients.ts';
import { findSite } from '../admin/sites.ts';
import { readConfig } from '../config.ts';
import type { SiteRole } from '../grants/grant.ts';
import { parseTimestampUs } from '../records/time.ts';
import { withDatabase } from './database.ts';

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
        const created = await createTeamClient(sql, {
          tenantId: site.tenantId,
          siteId: site.id,
          name: options.name,
          role: options.role,
          expiresAt: options.expiresAt ?? null,
        });
        process.stdout.write(
          options.json === true
            ? `${JSON.stringify(created)}\n`
            : `client ${created.client.id} is ${options.role} of ${site.domain}\ntoken, shown only now: ${created.token}\n`,
        );
      }),
    );
  client
    .command('revoke')
    .description('stop a client; its token is refused by every running gateway within a second')
    .argument('<id>', "the client's id")
    .action((id: string) =>
      withDatabase(readConfig(), async (sql) => {
        const outcome = await revokeClient(sql, id);
        if (outcome === 'unknown') throw new Error(`there is no client ${id}`);
        process.stdout.write(
          outcome === 'revoked' ? `client ${id} is revoked\n` : `client ${id} was revoked already\n`,
        );
      }),
    );
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
