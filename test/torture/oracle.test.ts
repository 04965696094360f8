import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { SITE, CLIENT } from '../setup/rows.ts';
import { createLedger, type Ledger, type Table } from './ledger.ts';
import { compare, isKept } from './oracle.ts';

const RECORDS = 3000;

let database: TestDatabase;
let ledger: Ledger;

beforeAll(async () => {
  database = await createDatabase();
  await database.sql.unsafe('CREATE TABLE hits_all PARTITION OF hits DEFAULT');
  await database.sql.unsafe('CREATE TABLE events_all PARTITION OF events DEFAULT');
});
afterAll(() => database.close());

/** As a gateway that keeps its promise would leave it: all promised, all there. */
beforeEach(async () => {
  await database.sql.unsafe('TRUNCATE hits, events');
  ledger = createLedger();
  ledger.allot(RECORDS, () => 'hits');
  for (let number = 0; number < RECORDS; number++) ledger.hear(number, 'promised');
  await store('hits', 0, RECORDS - 1);
});

async function store(table: Table, from: number, to: number): Promise<void> {
  const more =
    table === 'events' ? ['name, properties, ', "'sent', '{}', "] : ['page_id, ', 'gen_random_uuid(), '];
  await database.sql.unsafe(
    `INSERT INTO ${table} (site_id, timestamp, id, client_id, received_at, session_id, ${more[0]}path, hostname, user_agent)
     SELECT '${SITE}', now(), gen_random_uuid(), '${CLIENT}', now(), gen_random_uuid(), ${more[1]}'/t/' || n, 'example.com', 'Firefox'
     FROM generate_series(${from}, ${to}) AS n`,
  );
}

describe('the oracle', () => {
  it('has nothing to say when all that was promised is there, once', async () => {
    const balance = await compare(database.sql, ledger);
    expect(balance).toMatchObject({ promised: RECORDS, rows: RECORDS, examples: [] });
    expect(isKept(balance)).toBe(true);
  });

  it('sees one lost row among thousands', async () => {
    await database.sql`DELETE FROM hits WHERE path = '/t/1234'`;
    const balance = await compare(database.sql, ledger);
    expect(balance).toMatchObject({ missing: 1, twice: 0, invented: 0, examples: ['missing: 1234'] });
    expect(isKept(balance)).toBe(false);
  });

  it('sees a row that is there twice, under another id', async () => {
    await store('hits', 1234, 1234);
    const balance = await compare(database.sql, ledger);
    expect(balance).toMatchObject({ missing: 0, twice: 1, invented: 0, examples: ['twice: hits 1234'] });
    expect(isKept(balance)).toBe(false);
  });

  it('sees a forged row: a number that was never sent, or a path that is no number', async () => {
    await store('hits', RECORDS, RECORDS);
    await database.sql`UPDATE hits SET path = '/t/12x4' WHERE path = '/t/1234'`;
    const balance = await compare(database.sql, ledger);
    expect(balance).toMatchObject({ missing: 1, twice: 0, invented: 2 });
    expect(isKept(balance)).toBe(false);
  });

  it('sees a row in a table to which it was not sent', async () => {
    await database.sql`DELETE FROM hits WHERE path = '/t/1234'`;
    await store('events', 1234, 1234);
    expect(await compare(database.sql, ledger)).toMatchObject({ missing: 1, invented: 1 });
  });

  it('sees a row that is there though it was refused, and allows it where the answer was lost', async () => {
    ledger.allot(2, () => 'hits');
    ledger.hear(RECORDS, 'refused');
    ledger.hear(RECORDS + 1, 'refused');
    ledger.hear(RECORDS + 1, 'unknown');
    await store('hits', RECORDS, RECORDS + 1);
    const balance = await compare(database.sql, ledger);
    expect(balance).toMatchObject({ refusedStored: 1, unknownStored: 1, missing: 0 });
    expect(isKept(balance)).toBe(false);
  });

  it('counts what a damaged frame has cost apart from what is missing, and only what is not there', async () => {
    ledger.markDamaged(7);
    ledger.markDamaged(8);
    await database.sql`DELETE FROM hits WHERE path = '/t/7'`;
    const balance = await compare(database.sql, ledger);
    expect(balance).toMatchObject({ damaged: 1, missing: 0 });
    expect(isKept(balance)).toBe(true);
  });

  it('does not take a quarantined row for a stored one', async () => {
    await database.sql`DELETE FROM hits WHERE path = '/t/1234'`;
    await database.sql`
      INSERT INTO quarantine (id, table_name, site_id, client_id, sqlstate, reason, entry)
      VALUES (gen_random_uuid(), 'hits', ${SITE}, ${CLIENT}, '22000', 'made up', ${Buffer.from('x')})`;
    expect(await compare(database.sql, ledger)).toMatchObject({ missing: 1, quarantined: 1 });
    await database.sql`DELETE FROM quarantine`;
  });
});
