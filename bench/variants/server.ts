/**
 * One variant of the server, in a process of its own: `node bench/variants/server.ts <variant>`. Prints {"port": n} when
 * it listens; stops on SIGTERM. Which variants there are is in VARIANTS.
 */
import { createCheck } from './checks.ts';
import { readConfig } from '../../src/config.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { startGateway } from '../../src/main.ts';
import { tuneEngine } from '../../src/parts/engine.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { connectBench } from '../world.ts';
import { startBare } from './bare.ts';
import { startFastify } from './fastify.ts';
import { createHeld } from './held.ts';
import { createInserts, INSERT_CONNECTIONS } from './insert.ts';
import { startNodeHttp } from './node-http.ts';

interface Running {
  readonly port: number;
  close(): Promise<void> | void;
}

const config = readConfig();
const databaseUrl = config.databaseUrl ?? '';

const VARIANTS: Readonly<Record<string, () => Promise<Running>>> = {
  // The gateway as it is: a 202 has waited for the disk.
  journal: () => startSluice('journal', openJournal),
  // The gateway as it is: a 202 has waited for the commit.
  postgres: () => startSluice('postgres', openJournal),
  // The same gateway and journal, but a 202 waits for neither. No setting leads here.
  unwaited: () =>
    startSluice('journal', async (values, deps) => {
      const journal = await openJournal(values, deps);
      const synced = (sequence: number): typeof SYNCED => {
        // The journal writes as it does where somebody waits.
        void journal.synced(sequence);
        return SYNCED;
      };
      return { ...journal, synced };
    }),
  bare: () => startBare(),
  'node:http': async () => startNodeHttp(await createCheck(databaseUrl), createHeld()),
  fastify: async () => startFastify(await createCheck(databaseUrl), createHeld()),
  insert: async () =>
    startNodeHttp(
      await createCheck(databaseUrl),
      createInserts(connectBench(databaseUrl, INSERT_CONNECTIONS)),
    ),
};

const SYNCED = Promise.resolve('synced' as const);

// Every variant finds V8 as a gateway has it.
tuneEngine();
const start = VARIANTS[process.argv[2] ?? ''];
if (start === undefined) throw new Error(`which variant? ${Object.keys(VARIANTS).join(', ')}`);
const running = await start();
process.stdout.write(`${JSON.stringify({ port: running.port })}\n`);
process.on('SIGTERM', () => {
  void Promise.resolve(running.close()).then(() => process.exit(0));
});

function startSluice(durability: 'journal' | 'postgres', open: typeof openJournal): Promise<Running> {
  return startGateway(
    { ...config, durability },
    {
      databaseUrl,
      log: createLog('warn'),
      onFatal: (error) => {
        throw error;
      },
      openJournal: open,
    },
  );
}
