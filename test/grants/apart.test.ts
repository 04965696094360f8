import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDatabase as createGrantDatabase } from '../../src/grants/database.ts';
import { hashToken } from '../../src/grants/token.ts';
import type { Sql } from '../../src/store/connect.ts';
import { createDatabase, openTestPool, type TestDatabase } from '../setup/database.ts';
import { CANCELLED } from '../setup/messages.ts';
import * as control from './control.ts';
import { createProxy, readPort, throughProxy, type Proxy } from './proxy.ts';

let database: TestDatabase;
let proxy: Proxy;
let sql: Sql;

beforeAll(async () => {
  database = await createDatabase();
});
beforeEach(async () => {
  proxy = await createProxy(readPort(database.url));
  sql = openTestPool(throughProxy(database.url, proxy), 1);
});
afterEach(async () => {
  await sql.end({ timeout: 0 });
  await proxy.close();
});
afterAll(async () => {
  await database.close();
});

describe('when the answers of a connection belong to other questions', () => {
  it('no token gets the grant of another, and none is called unknown', async () => {
    const grants = createGrantDatabase(sql, Date.now);
    const good = await control.insertClient(database.sql, { teamId: null });
    const other = await control.insertClient(database.sql, { teamId: null });
    const hashes = [good.token, other.token, control.newToken()].map(hashToken);
    // The statement is prepared then: the questions go out together.
    for (const hash of hashes) await grants.findClient(hash, true);
    proxy.sayAt(hashes[0] ?? '', CANCELLED);
    const found = await Promise.all(hashes.map((hash) => grants.findClient(hash, true)));
    expect(found.map(({ kind }) => kind)).toEqual(['doubt', 'doubt', 'doubt']);
  });

  it('no domain gets the site of another, and none is called unknown', async () => {
    const grants = createGrantDatabase(sql, Date.now);
    const team = await control.insertTeam(database.sql);
    const sites = [
      await control.insertSite(database.sql, team),
      await control.insertSite(database.sql, team),
    ];
    const domains = [...sites.map((site) => site.domain), 'nowhere.example'];
    for (const domain of domains) await grants.findSite(domain, true);
    proxy.sayAt(domains[0] ?? '', CANCELLED);
    const found = await Promise.all(domains.map((domain) => grants.findSite(domain, true)));
    expect(found.map(({ kind }) => kind)).toEqual(['doubt', 'doubt', 'doubt']);
  });
});
