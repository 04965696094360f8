/** sluice migrate: brings the schema to this release's version. */
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { migrate, readSchemaVersion } from '../store/migrate.ts';
import { withDatabase } from './database.ts';

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema up to date (serve does so by itself unless SLUICE_MIGRATE=off)')
    .action(() =>
      withDatabase(readConfig(), async (sql) => {
        const applied = await migrate(sql);
        for (const migration of applied)
          process.stdout.write(`applied ${migration.number} ${migration.name}\n`);
        process.stdout.write(`the schema is at version ${await readSchemaVersion(sql)}\n`);
      }),
    );
}
