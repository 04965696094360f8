/** The program with its commands. Each is loaded when it is asked for: all of them together take a second. */
import { Command } from 'commander';

type AddCommands = (program: Command) => void;

/** By name, in the order in which the help lists them. */
export const commands: ReadonlyMap<string, () => Promise<AddCommands>> = new Map([
  ['serve', async () => (await import('./serve/serve.ts')).addServeCommand],
  ['migrate', async () => (await import('./migrate.ts')).addMigrateCommand],
  ['site', async () => (await import('./admin/site.ts')).addSiteCommands],
  ['client', async () => (await import('./admin/client.ts')).addClientCommands],
  ['user', async () => (await import('./admin/user.ts')).addUserCommands],
  ['import', async () => (await import('./import/hitkeep.ts')).addImportCommands],
  ['replay', async () => (await import('./replay/replay.ts')).addReplayCommand],
  ['quarantine', async () => (await import('./quarantine/quarantine.ts')).addQuarantineCommands],
  ['crawlers', async () => (await import('./crawlers/update.ts')).addCrawlerCommands],
  ['query', async () => (await import('./query.ts')).addQueryCommand],
  ['config', async () => (await import('./config.ts')).addConfigCommand],
  ['doctor', async () => (await import('./doctor/doctor.ts')).addDoctorCommand],
]);

/** With the command of that name alone; of a word that is none, or none at all, with all of them, for the help. */
export async function createProgram(name?: string): Promise<Command> {
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
  const load = commands.get(name ?? '');
  for (const each of load === undefined ? commands.values() : [load]) (await each())(program);
  return program;
}
