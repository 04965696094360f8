/**
 * sluice doctor: looks at everything that a gateway stands on, and says in plain words what is wrong and what to do. It
 * changes nothing, and may run beside a gateway.
 */
import { connect } from 'node:net';
import type { Command } from 'commander';
import { readConfig, type Config } from '../../config.ts';
import { withDatabase } from '../database.ts';
import { checkPostgres, checkRedis, checkSchema } from './database.ts';
import { checkDisk } from './disk.ts';
import { error, ok, warning, type Finding } from './finding.ts';

const NODE_MAJOR = 22;
const SIGNS = { ok: 'ok     ', warning: 'WARNING', error: 'ERROR  ' } as const;

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look at settings, Postgres, Redis, the journal and the accounts, and say what is wrong')
    .option('--json', 'print one JSON object a line')
    .action(async (options: { json?: true }) => {
      const findings = await examine();
      for (const finding of findings) {
        const { about, state, says } = finding;
        process.stdout.write(
          options.json === true ? `${JSON.stringify(finding)}\n` : `${SIGNS[state]}  ${about}: ${says}\n`,
        );
      }
      const errors = findings.filter(({ state }) => state === 'error').length;
      if (errors > 0) throw new Error(`${errors} thing(s) have to be mended.`);
    });
}

async function examine(): Promise<readonly Finding[]> {
  const version = process.versions.node;
  const node =
    Number(version.split('.')[0]) === NODE_MAJOR
      ? ok('Node', version)
      : warning('Node', `Version ${version}: this release is tested on Node ${NODE_MAJOR}.`);
  let config: Config;
  try {
    config = readConfig();
  } catch (cause) {
    return [node, error('settings', cause instanceof Error ? cause.message : String(cause))];
  }
  return [
    node,
    ok('settings', "all valid ('sluice config' prints them)"),
    ...judgeSettings(config),
    await checkPort(config),
    ...(await checkDisk(config)),
    ...(await checkDatabase(config)),
    await checkRedis(config.redisUrl),
  ];
}

/** Valid, and yet nothing that one would want in production. */
function judgeSettings(config: Config): readonly Finding[] {
  if (config.databaseUrl === null)
    return [
      warning('settings', 'DATABASE_URL is not set: records go to an embedded Postgres, for trying out.'),
    ];
  return [];
}

async function checkPort({ host, port }: Config): Promise<Finding> {
  const isTaken = await new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: host === '0.0.0.0' ? '127.0.0.1' : host });
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
  return isTaken
    ? ok('port', `something listens on ${port}: a gateway, if it is running`)
    : ok('port', `${port} is free: no gateway is running at it (PORT says which one is looked at)`);
}

async function checkDatabase(config: Config): Promise<readonly Finding[]> {
  try {
    return await withDatabase(config, async (sql) => [
      ...(await checkPostgres(sql)),
      ...(await checkSchema(sql, config)),
    ]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return [
      error(
        'Postgres',
        `${why}. Gateways keep records in the journal meanwhile; look at DATABASE_URL and the server.`,
      ),
    ];
  }
}
