/** The command line. One place sets the exit code: 0 done, 1 failed (one sentence on standard error), 2 misused. */
import { Command, CommanderError } from 'commander';
import { addClientCommands } from './admin/client.ts';
import { addSiteCommands } from './admin/site.ts';
import { addUserCommands } from './admin/user.ts';
import { addConfigCommand } from './config.ts';
import { addCrawlerCommands } from './crawlers/update.ts';
import { addDoctorCommand } from './doctor/doctor.ts';
import { addImportCommands } from './import/hitkeep.ts';
import { addMigrateCommand } from './migrate.ts';
import { addQuarantineCommands } from './quarantine/quarantine.ts';
import { addQueryCommand } from './query.ts';
import { addReplayCommand } from './replay/replay.ts';
import { addServeCommand } from './serve/serve.ts';

const program = new Command('sluice')
  .description(
    'Ingest gateway for analytics records: checks, keeps and writes them to Postgres exactly once.',
  )
  .showHelpAfterError('(add --help for what this command takes)')
  .exitOverride()
  .addHelpText(
    'after',
    `
Settings come from the environment; 'sluice config' lists them. Without DATABASE_URL every command works on an
embedded Postgres under SLUICE_DATA_DIR (default .sluice).

A first session:
  npm start                                                        the gateway, with a demo site and token
  npm run --silent sluice -- site create --domain example.com      a site of your own
  npm run --silent sluice -- client create --name forwarder --site example.com --role admin
  npm run --silent sluice -- query "SELECT * FROM hits"            what has arrived`,
  );

addServeCommand(program);
addMigrateCommand(program);
addSiteCommands(program);
addClientCommands(program);
addUserCommands(program);
addImportCommands(program);
addReplayCommand(program);
addQuarantineCommands(program);
addCrawlerCommands(program);
addQueryCommand(program);
addConfigCommand(program);
addDoctorCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  // Commander has already printed its own errors, and help counts as one.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`sluice: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
