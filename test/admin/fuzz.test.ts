/** Whatever is sent to whatever route: an answer that the sender can do something about, and never a fault of ours. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addSite,
  ask,
  createPerson,
  createTeamOf,
  startInstance,
  type Instance,
  type Person,
} from '../setup/administration.ts';

let instance: Instance;
let root: Person;
let ids: string[];

beforeAll(async () => {
  instance = await startInstance({
    SLUICE_TRUSTED_PROXIES: '127.0.0.1',
    SLUICE_GITHUB_KEYS_URL: 'http://127.0.0.1:1/',
  });
  root = await createPerson(instance.sql, 'owner');
  const teamId = await createTeamOf(instance.sql, root);
  const site = await addSite(instance.sql, teamId);
  const made = await ask(instance.base, `POST /api/user/teams/${teamId}/api-clients`, {
    cookie: root.cookie,
    body: { name: 'x' },
  });
  ids = [teamId, site.id, root.id, (made.body as { client: { id: string } }).client.id];
});
afterAll(async () => {
  await instance.close();
});

/** What the bodies of a route are made of, by a piece of its path; the last that fits counts. */
const FIELDS: readonly (readonly [string, readonly string[]])[] = [
  ['/', ['name']],
  ['/teams', ['name']],
  ['/api-clients', ['name', 'description', 'instance_role', 'expires_at', 'site_roles', 'revoked']],
  ['/rotate', ['grace_seconds']],
  ['/members', ['user_id', 'email', 'role']],
  ['/sites', ['domain', 'team_id']],
  ['/sites/:id/members', ['user_id', 'role']],
  ['/users', ['email', 'password', 'instance_role']],
  ['/login', ['email', 'password']],
  ['/password', ['current_password', 'new_password']],
  ['/v1/api-keys', ['name', 'description', 'expiresAt', 'scope', 'serviceAccountId']],
  ['/service-accounts', ['name', 'description']],
  ['/tokens', ['tokens']],
];
/** What is right for a field, so that a request comes further than its first check. */
const RIGHT: Readonly<Record<string, readonly unknown[]>> = {
  name: ['a name', 'é'.repeat(60)],
  instance_role: ['user', 'admin', 'owner'],
  role: ['owner', 'admin', 'editor', 'viewer', 'member'],
  scope: ['read', 'read-write'],
  revoked: [true, false],
  grace_seconds: [0, 60],
  expires_at: ['2027-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z', null],
  expiresAt: ['2027-01-01T00:00:00Z', '0000-01-01T00:00:00Z', null],
  domain: ['fuzz.example.com', 'a'.repeat(63)],
  email: ['fuzz@example.com', 'Fuzz@example.com'],
};
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '\0',
    '\ud800',
    '\u202e',
    'owner',
    'admin',
    'read-write',
    'x'.repeat(5000),
    "'; DROP TABLE users; --",
    '2027-01-01T00:00:00Z',
    '-1',
    '1e999',
  ),
);
const value = (field: string): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...(RIGHT[field] ?? ['x'])) },
    { weight: 2, arbitrary: fc.nat(3).map((index) => ids[index]) },
    text,
    fc.jsonValue(),
    fc.array(
      fc.record(
        {
          site_id: fc.oneof(
            fc.nat(3).map((index) => ids[index]),
            text,
          ),
          role: fc.constantFrom('viewer', 'owner', '\0'),
        },
        { requiredKeys: [] },
      ),
      { maxLength: 3 },
    ),
  );
function bodyOf(path: string): fc.Arbitrary<string> {
  const fields = FIELDS.findLast(([piece]) => path.includes(piece))?.[1] ?? [];
  const [first = 'name'] = fields;
  const model = Object.fromEntries(fields.map((field) => [field, value(field)]));
  return fc.oneof(
    { weight: 6, arbitrary: fc.record(model, { requiredKeys: [first] }).map((made) => JSON.stringify(made)) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  );
}

describe('the administration', () => {
  it(
    'answers whatever is sent, to whatever route, without a fault of its own',
    { timeout: 120_000 },
    async () => {
      // Deleting oneself would end the test early, and archiving the only team make it dull; one answer never ends.
      const dull = new Set([
        ...['DELETE /api/users/:id', 'POST /api/auth/logout', 'DELETE /api/user/teams/:id'],
        'GET /api/console/live',
      ]);
      const routes = instance.gateway.routes.filter(({ method, path }) => !dull.has(`${method} ${path}`));
      const segment = fc.oneof(
        fc.nat(3).map((index) => ids[index] ?? ''),
        fc.uuid(),
        text.map((part) => encodeURIComponent(part.toWellFormed()).slice(0, 300) || 'x'),
      );
      const words = text.map((part) => part.toWellFormed().slice(0, 200));
      const names = [
        'limit',
        'cursor',
        'state',
        'site_id',
        'before',
        'action',
        'token_hash',
        'organizationId',
      ];
      const request = fc.constantFrom(...routes).chain((route) =>
        fc.record({
          route: fc.constant(route),
          segments: fc.array(segment, { minLength: 2, maxLength: 2 }),
          query: fc.dictionary(fc.constantFrom(...names), fc.oneof(words, fc.nat(2000).map(String)), {
            maxKeys: 3,
          }),
          body: bodyOf(route.path),
          network: fc.integer({ min: 0, max: 255 }),
          tag: fc.constantFrom('', '"1"', '*', 'W/"1"', 'x, "2"'),
        }),
      );
      const statuses = new Map<number, number>();
      await fc.assert(
        fc.asyncProperty(request, async ({ route, segments, query, body: sent, network, tag }) => {
          let index = 0;
          const path = route.path.replaceAll(/:\w+/g, () => segments[index++] ?? '');
          const parameters = new URLSearchParams(query).toString();
          const answer = await ask(instance.base, `${route.method} ${path}?${parameters}`, {
            cookie: root.cookie,
            headers: { 'X-Forwarded-For': `10.0.${network}.1`, ...(tag === '' ? {} : { 'If-Match': tag }) },
            ...(route.method === 'GET' ? {} : { body: sent }),
          });
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          const isFault = answer.status >= 500 && answer.status !== 503;
          expect(isFault ? `${answer.status} ${answer.text} ${instance.lines.at(-1)}` : '').toBe('');
        }),
        { numRuns: 3000 },
      );
      expect([...statuses.keys()].toSorted((one, other) => one - other)).toEqual(
        expect.arrayContaining([200, 201, 400, 403, 404]),
      );
      expect((await ask(instance.base, 'GET /readyz')).status).toBe(200);
    },
  );
});
