/** What a token may do, and the answers that a look-up can have. */
import type { Limits, Meter } from './limit.ts';

export type SiteRole = 'owner' | 'admin' | 'editor' | 'viewer';

export interface Grant {
  readonly clientId: string;
  readonly tokenHash: string;
  /** Grows with every change of the client or its roles. */
  readonly version: number;
  /** Infinity = never. Compared with the wall clock at every use. */
  readonly expiresAtMs: number;
  /** As granted: what server-side pageviews and events go by. */
  readonly siteRoles: Roles;
  /**
   * What AI fetches go by: of a personal client the weaker of what was granted and what its user may do on the site
   * now, as in HitKeep; of any other client the same as `siteRoles`.
   */
  readonly currentRoles: Roles;
  /** What it may send; null: what settings say for everybody. */
  readonly limits: Limits | null;
  /** What it has sent; handed on to the object that takes this one's place. */
  meter: Meter;
  /**
   * Flipped, once, when this object no longer tells the truth: the client was revoked, or changed, or may have.
   * A request that waited for something looks at it last, and is told that its token is in doubt when it is set.
   */
  isVoid: boolean;
}

export type Denial = 'malformed' | 'unknown' | 'revoked' | 'expired';

/** Doubt is an answer of its own: it is never turned into 'denied', since senders drop their records on 401. */
export type TokenVerdict =
  | { readonly kind: 'granted'; readonly grant: Grant }
  | { readonly kind: 'denied'; readonly reason: Denial }
  | { readonly kind: 'doubt'; readonly cause: string };

export type SiteVerdict =
  | { readonly kind: 'site'; readonly siteId: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'doubt'; readonly cause: string };

/** A site, the role granted there, and the role that it comes to now; null: none. */
export type RoleEntry = readonly [siteId: string, granted: SiteRole, current: SiteRole | null];

export function readRoles(entries: readonly RoleEntry[]): Pick<Grant, 'siteRoles' | 'currentRoles'> {
  const siteRoles = createRoles(entries.map(([siteId, granted]) => [siteId, granted]));
  const isSame = entries.every(([, granted, current]) => granted === current);
  if (isSame) return { siteRoles, currentRoles: siteRoles };
  const current = entries.flatMap(([siteId, , role]) => (role === null ? [] : [[siteId, role] as const]));
  return { siteRoles, currentRoles: createRoles(current) };
}

export function writeRoles(grant: Grant): readonly RoleEntry[] {
  return [...grant.siteRoles].map(([siteId, granted]) => [
    siteId,
    granted,
    grant.currentRoles.get(siteId) ?? null,
  ]);
}

/** By site. */
export type Roles = Pick<ReadonlyMap<string, SiteRole>, 'get' | 'size' | typeof Symbol.iterator>;

function createRoles(entries: readonly (readonly [string, SiteRole])[]): Roles {
  const [first] = entries;
  return first !== undefined && entries.length === 1 ? new RoleOnOneSite(...first) : new Map(entries);
}

/** Most grants are on one site, and a gateway holds 100,000 of them: a Map for each would be a fifth of all that they take. */
class RoleOnOneSite implements Roles {
  readonly #siteId: string;
  readonly #role: SiteRole;

  constructor(siteId: string, role: SiteRole) {
    this.#siteId = siteId;
    this.#role = role;
  }

  get size(): number {
    return 1;
  }

  get(siteId: string): SiteRole | undefined {
    return siteId === this.#siteId ? this.#role : undefined;
  }

  *[Symbol.iterator](): MapIterator<[string, SiteRole]> {
    yield [this.#siteId, this.#role];
  }
}

/** The permission site.manage_data: owner and admin have it, editor and viewer do not. */
export function mayManageData(role: SiteRole): boolean {
  return role === 'owner' || role === 'admin';
}
