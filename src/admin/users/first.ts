/** The first user: made once, when there is nobody yet, as instance owner and owner of the default team. */
import type { Sql } from '../../store/connect.ts';
import { createChangeMaker } from '../change.ts';
import { isRefusal } from '../refusal.ts';
import type { Passwords } from '../sign-in/password.ts';
import { ensureDefaultTeam } from '../teams/team.ts';
import { createUser, normaliseEmail, type UserRow } from './user.ts';

const AUTHOR = {
  actor: { kind: 'system', label: 'first start' },
  source: { ip: null, userAgent: null, requestId: 'first-start' },
} as const;

/** Null when there is somebody already. Throws one sentence when the address is none. */
export async function ensureFirstUser(
  sql: Sql,
  passwords: Passwords,
  credentials: { readonly email: string; readonly password: string },
): Promise<UserRow | null> {
  const [someone] = await sql`SELECT FROM users LIMIT 1`;
  if (someone !== undefined) return null;
  const email = normaliseEmail(credentials.email);
  if (email === null) throw new Error('SLUICE_ADMIN_EMAIL is no e-mail address');
  const passwordHash = await passwords.hash(credentials.password);
  const made = await createChangeMaker(sql, () => undefined)(AUTHOR, async (change) => {
    const user = await createUser(change, { email, passwordHash, instanceRole: 'owner' });
    // Another gateway was faster.
    if (isRefusal(user)) return null;
    const teamId = await ensureDefaultTeam(change.tx);
    await change.tx`
      INSERT INTO tenant_members (tenant_id, user_id, role) VALUES (${teamId}, ${user.id}, 'owner')`;
    return user;
  });
  return made.value;
}
