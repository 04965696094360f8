/** sluice site create | list. */
import type { Command } from 'commander';
import { createSite, describeSite, listSites } from '../../admin/sites/site.ts';
import { ensureDefaultTeam } from '../../admin/teams/team.ts';
import { readConfig } from '../../config.ts';
import { withDatabase } from '../database.ts';
import { changeAs } from './author.ts';

export function addSiteCommands(program: Command): void {
  const site = program.command('site').description('the sites that records belong to');
  site
    .command('create')
    .description('make a site in the default team; running gateways take its records within a second')
    .requiredOption('--domain <domain>', 'host name, such as example.com; a leading www. is cut')
    .option('--json', 'print the site as JSON')
    .action((options: { domain: string; json?: true }) =>
      withDatabase(readConfig(), async (sql) => {
        const outcome = await changeAs(sql, 'site create', async (change) =>
          createSite(change, await ensureDefaultTeam(change.tx), options.domain),
        );
        switch (outcome.kind) {
          case 'created':
            process.stdout.write(
              options.json === true
                ? `${JSON.stringify(describeSite(outcome.site))}\n`
                : `site ${outcome.site.domain} has the id ${outcome.site.id}\n`,
            );
            return;
          case 'domain_taken':
            throw new Error(`${outcome.domain} is a site already ('sluice site list' shows its id)`);
          case 'domain_invalid':
            throw new Error(`--domain: ${outcome.detail}`);
        }
      }),
    );
  site
    .command('list')
    .description('print every site')
    .option('--json', 'print one JSON object a line')
    .action((options: { json?: true }) =>
      withDatabase(readConfig(), async (sql) => {
        for (const found of await listSites(sql)) {
          process.stdout.write(
            options.json === true
              ? `${JSON.stringify(describeSite(found))}\n`
              : `${found.id}  ${found.domain}\n`,
          );
        }
      }),
    );
}
