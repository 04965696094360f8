/**
 * Sessions: the cookie `hk_token`, a JWT (HS256) as HitKeep makes it: claim user_id, issuer and audience the public
 * URL, short-lived and renewed by use. It also names a row of `sessions`: signing out, or a new password, ends what
 * a stolen cookie is worth; so does the row's own end, 12 hours after the sign-in, however active it was.
 */
import { randomUUID } from 'node:crypto';
import { parseCookie, stringifySetCookie } from 'cookie';
import { jwtVerify, SignJWT } from 'jose';
import type { Sql, Transaction } from '../../store/connect.ts';
import type { InstanceRole, User } from '../actor.ts';

export interface Sessions {
  /** The Set-Cookie value of a new session. */
  open(tx: Sql | Transaction, userId: string): Promise<string>;
  /** Who is signed in, by the request's Cookie header; null: nobody. */
  find(cookieHeader: string): Promise<SignedIn | null>;
  end(sessionId: string): Promise<void>;
  /** The Set-Cookie value that removes the cookie. */
  readonly cleared: string;
}

export interface SignedIn {
  readonly user: User;
  /** A Set-Cookie value, when the cookie is due to be renewed. */
  readonly renewed: string | null;
}

export interface SessionValues {
  /** Issuer and audience; the cookie is Secure when it is https. */
  readonly publicUrl: string;
  readonly sessionMs: number;
  readonly key: Uint8Array;
}

const COOKIE = 'hk_token';
const ABSOLUTE_HOURS = 12;
/** A cookie younger than this part of its life is not renewed. */
const RENEW_PART = 0.2;

export function createSessions(values: SessionValues, sql: Sql): Sessions {
  const { publicUrl, sessionMs, key } = values;
  const attributes = {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure: publicUrl.startsWith('https:'),
  } as const;

  async function mint(userId: string, sessionId: string): Promise<string> {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const token = await new SignJWT({ user_id: userId, sid: sessionId })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(publicUrl)
      .setAudience(publicUrl)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + Math.ceil(sessionMs / 1000))
      .sign(key);
    return stringifySetCookie({
      name: COOKIE,
      value: token,
      ...attributes,
      maxAge: Math.ceil(sessionMs / 1000),
    });
  }

  return {
    async open(tx, userId) {
      const id = randomUUID();
      await tx`
        INSERT INTO sessions (id, user_id, expires_at)
        VALUES (${id}, ${userId}, now() + make_interval(hours => ${ABSOLUTE_HOURS}))`;
      return mint(userId, id);
    },
    async find(cookieHeader) {
      const token = parseCookie(cookieHeader)[COOKIE];
      if (token === undefined) return null;
      const claims = await readClaims(token, key, publicUrl);
      if (claims === null) return null;
      const [row] = await sql<{ email: string; instance_role: InstanceRole }[]>`
        SELECT u.email, u.instance_role FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.id = ${claims.sessionId} AND u.id = ${claims.userId} AND s.expires_at > now()`;
      if (row === undefined) return null;
      const { userId: id, sessionId, issuedAtMs } = claims;
      const isDue = Date.now() - issuedAtMs > RENEW_PART * sessionMs;
      return {
        user: { kind: 'user', id, email: row.email, instanceRole: row.instance_role, sessionId },
        renewed: isDue ? await mint(id, sessionId) : null,
      };
    },
    async end(sessionId) {
      await sql`DELETE FROM sessions WHERE id = ${sessionId}`;
    },
    cleared: stringifySetCookie({ name: COOKIE, value: '', ...attributes, maxAge: 0 }),
  };
}

interface Claims {
  readonly userId: string;
  readonly sessionId: string;
  readonly issuedAtMs: number;
}

/** Null for anything that this instance has not signed, or that is over. */
async function readClaims(token: string, key: Uint8Array, publicUrl: string): Promise<Claims | null> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['HS256'],
      issuer: publicUrl,
      audience: publicUrl,
      requiredClaims: ['exp', 'iat', 'user_id', 'sid'],
    });
    const { user_id: userId, sid: sessionId, iat = 0 } = payload;
    if (typeof userId !== 'string' || typeof sessionId !== 'string') return null;
    return { userId, sessionId, issuedAtMs: iat * 1000 };
  } catch {
    return null;
  }
}
