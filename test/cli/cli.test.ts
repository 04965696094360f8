import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands, createProgram } from '../../src/cli/program.ts';
import { createDatabase, type TestDatabase } from '../setup/database.ts';

const PROGRAM = join(import.meta.dirname, '../../src/cli/sluice.ts');
let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());

function sluice(...words: string[]): { code: number | null; out: string; err: string } {
  const done = spawnSync(process.execPath, [PROGRAM, ...words], {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.url,
      REDIS_URL: 'redis://127.0.0.1/0?password=beside-the-url&family=4',
    },
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

describe('the command line', () => {
  it('makes and lists sites; the domain is lower-cased and loses its www.', () => {
    const made = sluice('site', 'create', '--domain', 'WWW.Shop.example', '--json');
    expect(made.code).toBe(0);
    const site = JSON.parse(made.out) as Record<string, string>;
    expect(site).toMatchObject({ domain: 'shop.example', id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(sluice('site', 'list').out).toBe(`${site['id']}  shop.example\n`);
  });

  it('makes a client, whose token is shown once and stored as its hash', async () => {
    const made = sluice(
      'client',
      'create',
      '--name',
      'forwarder',
      '--site',
      'shop.example',
      '--role',
      'admin',
      '--expires-at',
      '2099-01-01T00:00:00Z',
      '--json',
    );
    expect(made).toMatchObject({ code: 0, err: '' });
    const { client, token } = JSON.parse(made.out) as { client: Record<string, unknown>; token: string };
    expect(token).toMatch(/^slc_[0-9A-Za-z]{49}$/);
    expect(client).toMatchObject({
      owner_type: 'team',
      name: 'forwarder',
      description: '',
      expires_at: '2099-01-01T00:00:00.000Z',
      site_roles: [{ role: 'admin' }],
    });
    const dump = JSON.stringify(await database.sql`SELECT * FROM api_clients`);
    expect(dump).not.toContain(token);
    expect(sluice('client', 'list').out).toBe(`${String(client['id'])}  active   forwarder (Default team)\n`);
    expect(sluice('client', 'revoke', String(client['id']))).toMatchObject({
      code: 0,
      out: expect.stringContaining('is revoked'),
    });
    expect(sluice('client', 'revoke', String(client['id'])).out).toContain('revoked already');
    expect(JSON.parse(sluice('client', 'list', '--json').out)).toMatchObject({ state: 'revoked' });
  });

  it.each([
    ['a site that exists', ['site', 'create', '--domain', 'shop.example'], 1, 'is a site already'],
    ['a domain that is none', ['site', 'create', '--domain', 'https://x/'], 1, '--domain'],
    [
      'a client of no site',
      ['client', 'create', '--name', 'x', '--site', 'nowhere.example', '--role', 'admin'],
      1,
      'there is no site',
    ],
    [
      'an unknown role',
      ['client', 'create', '--name', 'x', '--site', 'shop.example', '--role', 'king'],
      2,
      'Allowed choices',
    ],
    [
      'a blank name',
      ['client', 'create', '--name', ' ', '--site', 'shop.example', '--role', 'admin'],
      2,
      '1 to 120 bytes',
    ],
    [
      'a time that is none',
      [
        'client',
        'create',
        '--name',
        'x',
        '--site',
        'shop.example',
        '--role',
        'admin',
        '--expires-at',
        'soon',
      ],
      2,
      'RFC 3339',
    ],
    ['an unknown client', ['client', 'revoke', 'abc'], 1, 'there is no client'],
    ['an unknown command', ['fly'], 2, 'unknown command'],
    ['a missing option', ['site', 'create'], 2, '--domain'],
    ['SQL that writes', ['query', 'DELETE FROM sites'], 1, 'read-only'],
    ['several statements', ['query', 'COMMIT; CREATE TABLE intruder ()'], 1, 'multiple commands'],
    ['SQL that is none', ['query', 'SELEKT 1'], 1, 'syntax error'],
  ])('says in one sentence what is wrong with %s', (_name, words, code, advice) => {
    const done = sluice(...words);
    expect(done.code).toBe(code);
    expect(done.err).toContain(advice);
    expect(done.err).not.toMatch(/\n\s+at /);
  });

  it('shows rows, and prints the schema version', () => {
    expect(sluice('query', 'SELECT domain FROM sites', '--json').out).toBe('{"domain":"shop.example"}\n');
    expect(sluice('query', 'SELECT domain FROM sites').out).toContain('shop.example');
    const twice = sluice('query', 'SELECT count(*)::int, count(*)::int FROM sites', '--json');
    expect(twice.out).toBe('{"count":1,"count_2":1}\n');
    expect(sluice('migrate').out).toMatch(/^the schema is at version \d+\n$/);
  });

  it.each([...commands.keys()])('loads %s by its name, and nothing else', async (name) => {
    expect((await createProgram(name)).commands.map((command) => command.name())).toEqual([name]);
  });

  it('helps', () => {
    const help = sluice('--help');
    expect(help.code).toBe(0);
    for (const word of ['serve', 'site', 'client', 'query', 'config', 'DATABASE_URL'])
      expect(help.out).toContain(word);
  });

  it('is not put out by a reader that has gone', () => {
    const shell = spawnSync('sh', ['-c', '"$0" "$1" config | true', process.execPath, PROGRAM], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
    });
    expect(shell.stderr).toBe('');
  });

  it('prints every setting, without the password of a URL', () => {
    const { code, out } = sluice('config');
    expect(code).toBe(0);
    expect(out).toContain('SLUICE_DURABILITY=journal');
    expect(out).toContain('DATABASE_URL=postgres://sluice:***@');
    expect(out).toContain('REDIS_URL=redis://127.0.0.1/0?password=***&family=4');
  });
});
