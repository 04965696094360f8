/** The routes of a site's members: people of the site's team with a role there. Nobody gives more than they have. */
import { z } from 'zod';
import type { SiteRole } from '../../grants/grant.ts';
import type { Route } from '../../http/request.ts';
import type { Transaction } from '../../store/connect.ts';
import { coversSiteRole, managesSite } from '../actor.ts';
import { readBody } from '../body.ts';
import { lockOwner, touchClientsOf, type Change } from '../change.ts';
import { ACCESS_DENIED, isRefusal, notFound, refuse, type Refusal } from '../refusal.ts';
import { replyCreated, replyEmpty, replyJson } from '../reply.ts';
import type { Outcome, UserCall } from '../route.ts';
import type { TeamDeps } from '../teams/routes.ts';
import { findOwnSite, type SeenSite } from './access.ts';

const LIST = '/api/sites/:id/members';
const ONE = '/api/sites/:id/members/:userId';
const role = z.enum(['owner', 'admin', 'editor', 'viewer']);
export const addition = z.strictObject({ user_id: z.uuid(), role });
export const change = z.strictObject({ role });
const NO_TEAM_MEMBER = notFound('Team member');
const NO_MEMBER = notFound('Site member');

interface Member {
  readonly user_id: string;
  readonly email: string;
  /** Null: of the team, without a role of its own here. */
  readonly role: SiteRole | null;
}

export function createSiteMemberRoutes({ sql, make, makeChange }: TeamDeps): readonly Route[] {
  async function list(call: UserCall): Promise<Outcome> {
    const site = await findOwnSite(sql, call, managesSite);
    if (isRefusal(site)) return site;
    return replyJson(
      await sql`
        SELECT m.user_id, u.email, m.role FROM site_members m JOIN users u ON u.id = m.user_id
        WHERE m.site_id = ${site.id} ORDER BY u.email`,
    );
  }

  async function add(call: UserCall): Promise<Outcome> {
    const site = await findOwnSite(sql, call, managesSite);
    if (isRefusal(site)) return site;
    const body = readBody(call.request, addition);
    if (isRefusal(body)) return body;
    const done = await set(call, site, body.user_id, (member) =>
      member.role === null ? body.role : refuse('conflict', 'This user is a member already.'),
    );
    return isRefusal(done) ? done : replyCreated(done);
  }

  async function update(call: UserCall): Promise<Outcome> {
    const site = await findOwnSite(sql, call, managesSite);
    if (isRefusal(site)) return site;
    const id = call.id(1, 'user');
    if (isRefusal(id)) return id;
    const body = readBody(call.request, change);
    if (isRefusal(body)) return body;
    const done = await set(call, site, id, (member) => (member.role === null ? NO_MEMBER : body.role));
    return isRefusal(done) ? done : replyJson(done);
  }

  async function remove(call: UserCall): Promise<Outcome> {
    const site = await findOwnSite(sql, call, managesSite);
    if (isRefusal(site)) return site;
    const id = call.id(1, 'user');
    if (isRefusal(id)) return id;
    const done = await set(call, site, id, (member) => (member.role === null ? NO_MEMBER : null));
    return isRefusal(done) ? done : replyEmpty();
  }

  /** `decide`: the new role, null to take it away. */
  async function set(
    call: UserCall,
    site: SeenSite,
    userId: string,
    decide: (member: Member) => SiteRole | null | Refusal,
  ): Promise<Member | Refusal> {
    const done = await makeChange(call.author, async (work): Promise<Member | Refusal> => {
      const member = await lockMember(work.tx, site, userId);
      if (member === null) return NO_TEAM_MEMBER;
      const wanted = decide(member);
      if (isRefusal(wanted)) return wanted;
      const own = site.role ?? 'viewer';
      const isCovered = [member.role, wanted].every((one) => one === null || coversSiteRole(own, one));
      if (!isCovered) return ACCESS_DENIED;
      await writeRole(work, site, member, wanted);
      return { ...member, role: wanted };
    });
    return done.value;
  }

  return [
    make.user('GET', LIST, list),
    make.user('POST', LIST, add),
    make.user('PUT', ONE, update),
    make.user('DELETE', ONE, remove),
  ];
}

/** Null when the user is not in the site's team. */
async function lockMember(tx: Transaction, site: SeenSite, userId: string): Promise<Member | null> {
  const [member] = await tx<Member[]>`
    SELECT t.user_id, u.email, m.role
    FROM tenant_members t JOIN users u ON u.id = t.user_id
    LEFT JOIN site_members m ON m.user_id = t.user_id AND m.site_id = ${site.id}
    WHERE t.tenant_id = ${site.tenantId} AND t.user_id = ${userId} FOR UPDATE OF t`;
  return member ?? null;
}

async function writeRole(
  work: Change,
  site: SeenSite,
  member: Member,
  wanted: SiteRole | null,
): Promise<void> {
  const { tx } = work;
  await lockOwner(tx, member.user_id);
  if (wanted === null)
    await tx`DELETE FROM site_members WHERE site_id = ${site.id} AND user_id = ${member.user_id}`;
  else
    await tx`
      INSERT INTO site_members (site_id, user_id, role) VALUES (${site.id}, ${member.user_id}, ${wanted})
      ON CONFLICT (site_id, user_id) DO UPDATE SET role = excluded.role`;
  work.audit({
    action: wanted === null ? 'site_member.removed' : 'site_member.set',
    teamId: site.tenantId,
    targetType: 'user',
    targetId: member.user_id,
    targetLabel: `${member.email} on ${site.domain}`,
    before: member.role === null ? null : { role: member.role },
    after: wanted === null ? null : { role: wanted },
  });
  work.revoke(await touchClientsOf(tx, member.user_id));
}
