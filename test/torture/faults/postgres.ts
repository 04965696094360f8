/** What can happen to Postgres: it dies, freezes, is locked, is too slow, or refuses to write for a while. */
import type { Fault, Mend, Scene } from '../fault.ts';
import { tables } from '../ledger.ts';
import { sendSignal, type Postgres } from '../world.ts';

export const postgresFaults: readonly Fault[] = [
  stopped('postgres-killed', 'SIGKILL'),
  stopped('postgres-stopped-at-once', 'SIGQUIT'),
  {
    name: 'postgres-backend-killed',
    lane: 'postgres',
    holdMs: [500, 1500],
    async inject({ world: { postgres } }) {
      const [writer] = await findBackends(postgres, 'sluice-writer');
      if (writer !== undefined) sendSignal(writer, 'SIGKILL');
      // It drops all connections, recovers by itself, and is joined again here when it is ready.
      return () => postgres.start();
    },
  },
  {
    name: 'postgres-frozen',
    lane: 'postgres',
    holdMs: [2000, 7000],
    async inject({ world: { postgres } }) {
      const frozen = [...(await findBackends(postgres, 'sluice%')), postgres.pid()];
      for (const pid of frozen) sendSignal(pid, 'SIGSTOP');
      return async () => {
        for (const pid of frozen.toReversed()) sendSignal(pid, 'SIGCONT');
      };
    },
  },
  locked('table-locked', [500, 2000]),
  locked('table-locked-past-the-statement-timeout', [4000, 7000]),
  triggered('statement-timeout', [3000, 6000], 'BEFORE', 'PERFORM pg_sleep(4);'),
  triggered(
    'serialization-failures',
    [1500, 4000],
    'AFTER',
    `IF random() < 0.7 THEN RAISE EXCEPTION 'made to fail' USING ERRCODE = (ARRAY['40001', '40P01'])[1 + (random() * 1)::int]; END IF;`,
  ),
  setting('serializable', [2000, 4000], 'default_transaction_isolation', 'serializable'),
  setting('postgres-read-only', [1000, 5000], 'default_transaction_read_only', 'on'),
];

function stopped(name: string, signal: NodeJS.Signals): Fault {
  return {
    name,
    lane: 'postgres',
    holdMs: [200, 4000],
    async inject({ world: { postgres } }) {
      await postgres.stop(signal);
      return () => postgres.start();
    },
  };
}

function locked(name: string, holdMs: Fault['holdMs']): Fault {
  return {
    name,
    lane: 'postgres',
    holdMs,
    async inject({ world, random }) {
      const isOver = Promise.withResolvers<undefined>();
      const isHeld = Promise.withResolvers<undefined>();
      const holding = world.postgres.ask((sql) =>
        sql.begin(async (tx) => {
          await tx.unsafe(`LOCK TABLE ${random.pick(tables)} IN ACCESS EXCLUSIVE MODE`);
          isHeld.resolve(undefined);
          await isOver.promise;
        }),
      );
      await Promise.race([isHeld.promise, holding]);
      return async () => {
        isOver.resolve(undefined);
        await holding;
      };
    },
  };
}

/** Every statement that writes rows does this as well. */
function triggered(name: string, holdMs: Fault['holdMs'], when: 'BEFORE' | 'AFTER', body: string): Fault {
  return {
    name,
    lane: 'postgres',
    holdMs,
    async inject({ world: { postgres } }) {
      await postgres.ask(async (sql) => {
        await sql.unsafe(
          `CREATE OR REPLACE FUNCTION torture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NULL; END $$`,
        );
        for (const table of tables)
          await sql.unsafe(
            `CREATE OR REPLACE TRIGGER torture ${when} INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION torture()`,
          );
      });
      return () =>
        postgres.ask(async (sql) => {
          for (const table of tables) await sql.unsafe(`DROP TRIGGER torture ON ${table}`);
        });
    },
  };
}

/** A setting of the server, for sessions that are there as well. */
function setting(name: string, holdMs: Fault['holdMs'], key: string, value: string): Fault {
  const set = ({ world: { postgres } }: Scene, to: string): Promise<unknown> =>
    postgres.ask(async (sql) => {
      await sql.unsafe(`ALTER SYSTEM SET ${key} = ${to}`);
      await sql`SELECT pg_reload_conf()`;
    });
  return {
    name,
    lane: 'postgres',
    holdMs,
    async inject(scene): Promise<Mend> {
      await set(scene, `'${value}'`);
      return async () => void (await set(scene, 'DEFAULT'));
    },
  };
}

/** Processes of Postgres that serve connections with this application name. */
async function findBackends(postgres: Postgres, name: string): Promise<number[]> {
  const rows = await postgres.ask(
    (sql) => sql<{ pid: number }[]>`SELECT pid FROM pg_stat_activity WHERE application_name LIKE ${name}`,
  );
  return rows.map((row) => row.pid);
}
