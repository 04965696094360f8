/**
 * The administration: who may write, and who may say so. Its routes are handed to the front like any others. The only
 * writer of clients, sites, teams and users: it commits, then announces, and touches no cache.
 */
import type { News } from '../grants/revocation/publish.ts';
import type { Receipt } from '../grants/revocation/receipt.ts';
import type { Route } from '../http/request.ts';
import type { Sql } from '../store/connect.ts';
import { createAuditRoutes } from './audit/routes.ts';
import { createReceiptReader } from './clients/receipt.ts';
import { createClientRoutes } from './clients/routes.ts';
import { personalSurface, teamSurface } from './clients/surfaces.ts';
import { createKeyFinder } from './keys/access.ts';
import { createApiKeyRoutes } from './keys/api-keys.ts';
import { createServiceAccountRoutes } from './keys/service-accounts.ts';
import { createGithubKeys } from './leaks/github.ts';
import { createLeakRoutes } from './leaks/routes.ts';
import { createChangeMaker } from './change.ts';
import { createQuarantineRoutes } from './quarantine/routes.ts';
import { refuse } from './refusal.ts';
import { replyJson } from './reply.ts';
import { createRouteMaker, type Outcome, type RouteMaker, type UserCall } from './route.ts';
import { createPasswords } from './sign-in/password.ts';
import { createSignInRoutes } from './sign-in/routes.ts';
import { loadSecrets } from './sign-in/secret.ts';
import { createSessions } from './sign-in/session.ts';
import { createSiteMemberRoutes } from './sites/members.ts';
import { createSiteRoutes } from './sites/routes.ts';
import { createTeamMemberRoutes } from './teams/members.ts';
import { createLimitRoutes } from './limits/routes.ts';
import { createTeamRoutes } from './teams/routes.ts';
import { ensureFirstUser } from './users/first.ts';
import { createUserRoutes } from './users/routes.ts';

export interface Admin {
  readonly routes: readonly Route[];
  /** For further routes that people sign in for. */
  readonly make: RouteMaker;
}

export interface AdminValues {
  /** As browsers see it: 'https://sluice.example.com'. */
  readonly publicUrl: string;
  /** Null: the one in Postgres. */
  readonly secret: string | null;
  readonly sessionMs: number;
  readonly githubKeysUrl: string;
  /** Made when there is no user yet. */
  readonly firstUser: { readonly email: string; readonly password: string } | null;
  /** What receipts promise. */
  readonly revocationBoundMs: number;
}

export interface AdminDeps {
  readonly sql: Sql;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  /** Told of every committed revocation. */
  readonly announce: (news: News) => void;
  readonly readReceipt: (sequence: number, waitMs: number) => Promise<Receipt>;
}

export async function createAdmin(values: AdminValues, deps: AdminDeps): Promise<Admin> {
  const { sql, log } = deps;
  const secrets = await loadSecrets(sql, values.secret);
  const passwords = await createPasswords();
  if (values.firstUser !== null) {
    const first = await ensureFirstUser(sql, passwords, values.firstUser);
    if (first !== null) log('info', { userId: first.id }, 'the first user was made');
  }
  const sessions = createSessions({ ...values, key: secrets.sessionKey }, sql);
  const make = createRouteMaker({ sessions, findKey: createKeyFinder(sql), publicUrl: values.publicUrl });
  const makeChange = createChangeMaker(sql, deps.announce);
  const readReceipt = createReceiptReader(sql, values.revocationBoundMs, deps.readReceipt);
  const teamDeps = { sql, make, makeChange };
  const clientDeps = { ...teamDeps, readReceipt, secrets };

  async function showReceipt(call: UserCall): Promise<Outcome> {
    const text = call.request.parameters[0] ?? '';
    if (!/^\d{1,15}$/.test(text)) return refuse('id_invalid', 'The sequence number must be a whole number.');
    return replyJson(await deps.readReceipt(Number(text), 0));
  }

  return {
    routes: [
      ...createSignInRoutes({ ...teamDeps, sessions, passwords }),
      ...createClientRoutes(personalSurface(sql), clientDeps),
      ...createClientRoutes(teamSurface(sql), clientDeps),
      ...createLimitRoutes(teamDeps),
      ...createTeamRoutes(teamDeps),
      ...createTeamMemberRoutes(teamDeps),
      ...createAuditRoutes(teamDeps),
      ...createUserRoutes({ ...teamDeps, passwords }),
      ...createSiteRoutes(teamDeps),
      ...createSiteMemberRoutes(teamDeps),
      ...createQuarantineRoutes(teamDeps),
      ...createApiKeyRoutes(clientDeps),
      ...createServiceAccountRoutes(teamDeps),
      ...createLeakRoutes({ ...teamDeps, githubKeys: createGithubKeys(values.githubKeysUrl) }),
      make.user('GET', '/api/revocations/:sequence', showReceipt),
    ],
    make,
  };
}
