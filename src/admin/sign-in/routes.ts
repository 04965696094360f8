/**
 * Signing in and out, and what a signed-in person may see and change of themselves. A wrong password, an unknown
 * address and a user without a password are the same answer, after the same work.
 */
import { z } from 'zod';
import type { Route } from '../../http/request.ts';
import type { Author, InstanceRole, TeamRole } from '../actor.ts';
import { readBody } from '../body.ts';
import { isRefusal, refuse, type Refusal } from '../refusal.ts';
import { replyEmpty, replyJson } from '../reply.ts';
import type { Call, Outcome, UserCall } from '../route.ts';
import type { TeamDeps } from '../teams/routes.ts';
import { passwordSchema } from '../users/routes.ts';
import { describeUser, setPassword, type UserRow } from '../users/user.ts';
import { isPasswordHash, PASSWORD_LENGTH_MAX, type Passwords } from './password.ts';
import type { Sessions } from './session.ts';
import { createThrottle, SIGN_IN_LIMITS } from './throttle.ts';

export const login = z.strictObject({
  email: z.string().max(1000),
  password: z.string().max(PASSWORD_LENGTH_MAX),
});
export const newPassword = z.strictObject({
  current_password: z.string().max(PASSWORD_LENGTH_MAX),
  new_password: passwordSchema,
});

const WRONG = refuse('credentials_wrong', 'The e-mail address or the password is wrong.');
const BUSY: Refusal = {
  ...refuse('too_many_requests', 'Too many sign-ins are being checked. Try again in 2 s.'),
  retryAfterSeconds: 2,
};

interface StoredUser extends UserRow {
  readonly password_hash: string | null;
}

export interface SignInDeps extends TeamDeps {
  readonly sessions: Sessions;
  readonly passwords: Passwords;
}

export function createSignInRoutes(deps: SignInDeps): readonly Route[] {
  const { sql, make, makeChange, sessions, passwords } = deps;
  const throttle = createThrottle(SIGN_IN_LIMITS);

  async function find(condition: { readonly email: string } | { readonly id: string }) {
    const [user] = await sql<StoredUser[]>`
      SELECT id, email, instance_role, created_at, password_hash FROM users
      WHERE ${'id' in condition ? sql`id = ${condition.id}` : sql`lower(email) = lower(${condition.email})`}`;
    return user ?? null;
  }

  /** The user, when the password is right. */
  async function check(
    call: Call,
    user: StoredUser | null,
    account: string,
    password: string,
  ): Promise<StoredUser | Refusal> {
    const address = call.source.ip ?? '';
    const throttled = await throttle.take(address, account);
    if (throttled !== null) return throttled;
    const hash = user?.password_hash ?? null;
    const verdict = await passwords.verify(hash !== null && isPasswordHash(hash) ? hash : null, password);
    if (verdict === 'busy') return BUSY;
    if (user === null || verdict === 'wrong') return WRONG;
    await throttle.forgive(address, account);
    return user;
  }

  async function signIn(call: Call): Promise<Outcome> {
    const body = readBody(call.request, login);
    if (isRefusal(body)) return body;
    const account = body.email.trim().toLowerCase();
    // NUL is no part of any address, and no text for Postgres.
    const stored = /\p{Cc}/u.test(account) || !account.isWellFormed() ? null : await find({ email: account });
    const user = await check(call, stored, account, body.password);
    if (isRefusal(user)) return user;
    const author: Author = { actor: signedIn(user), source: call.source };
    const opened = await makeChange(author, async (change) => {
      change.audit({
        action: 'user.signed_in',
        teamId: null,
        targetType: 'user',
        targetId: user.id,
        targetLabel: user.email,
      });
      return sessions.open(change.tx, user.id);
    });
    return replyJson({ user: describeUser(user) }, { headers: [['Set-Cookie', opened.value]] });
  }

  async function signOut(call: UserCall): Promise<Outcome> {
    await sessions.end(call.user.sessionId);
    return replyEmpty([['Set-Cookie', sessions.cleared]]);
  }

  async function showSelf(call: UserCall): Promise<Outcome> {
    const { id, email, instanceRole } = call.user;
    const teams = await sql<{ id: string; name: string; role: TeamRole }[]>`
      SELECT t.id, t.name, m.role FROM tenant_members m JOIN tenants t ON t.id = m.tenant_id
      WHERE m.user_id = ${id} AND t.archived_at IS NULL ORDER BY t.created_at, t.id`;
    return replyJson({ id, email, instance_role: instanceRole, teams });
  }

  async function changePassword(call: UserCall): Promise<Outcome> {
    const body = readBody(call.request, newPassword);
    if (isRefusal(body)) return body;
    const stored = await find({ id: call.user.id });
    const account = call.user.email.toLowerCase();
    const user = await check(call, stored, account, body.current_password);
    if (isRefusal(user)) return user;
    const hash = await passwords.hash(body.new_password);
    const opened = await makeChange(call.author, async (change) => {
      await setPassword(change, user, hash);
      return sessions.open(change.tx, user.id);
    });
    return replyEmpty([['Set-Cookie', opened.value]]);
  }

  return [
    make.open('POST', '/api/auth/login', signIn),
    make.user('POST', '/api/auth/logout', signOut),
    make.user('GET', '/api/user', showSelf),
    make.user('PUT', '/api/user/password', changePassword),
  ];
}

function signedIn(user: { id: string; email: string; instance_role: InstanceRole }) {
  return {
    kind: 'user',
    id: user.id,
    email: user.email,
    instanceRole: user.instance_role,
    sessionId: '',
  } as const;
}
