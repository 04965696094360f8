/** The routes of sites. Made by owners and admins of a team, moved between two teams of the same person, deleted by
 * the site's owners. That a domain is taken cannot be hidden: domains are unique. */
import { z } from 'zod';
import type { Route } from '../../http/request.ts';
import type { Sql } from '../../store/connect.ts';
import type { User } from '../actor.ts';
import { readBody } from '../body.ts';
import { ACCESS_DENIED, isRefusal, refuse, type Refusal } from '../refusal.ts';
import { replyCreated, replyEmpty, replyJson } from '../reply.ts';
import type { Outcome, UserCall } from '../route.ts';
import type { TeamDeps } from '../teams/routes.ts';
import { findOwnSite, findSeenSite, listSeenSites, type SeenSite } from './access.ts';
import { createSite, deleteSite, describeSite, moveSite } from './site.ts';

const LIST = '/api/sites';
const ONE = '/api/sites/:id';
export const creation = z.strictObject({ domain: z.string(), team_id: z.uuid().optional() });
export const move = z.strictObject({ team_id: z.uuid() });

export function createSiteRoutes({ sql, make, makeChange }: TeamDeps): readonly Route[] {
  async function list(call: UserCall): Promise<Outcome> {
    const sites = await listSeenSites(sql, call.user);
    return replyJson(sites.map((site) => describeSeen(site)));
  }

  async function create(call: UserCall): Promise<Outcome> {
    const body = readBody(call.request, creation);
    if (isRefusal(body)) return body;
    const teamId = await chooseTeam(sql, call.user, body.team_id);
    if (isRefusal(teamId)) return teamId;
    const made = await makeChange(call.author, (change) => createSite(change, teamId, body.domain));
    switch (made.value.kind) {
      case 'created':
        return replyCreated(describeSite(made.value.site));
      case 'domain_invalid':
        return refuse('field_invalid', made.value.detail, 'domain');
      case 'domain_taken':
        return refuse('conflict', `${made.value.domain} is a site already.`, 'domain');
    }
  }

  async function show(call: UserCall): Promise<Outcome> {
    const site = await findSeenSite(sql, call);
    return isRefusal(site) ? site : replyJson(describeSeen(site));
  }

  async function update(call: UserCall): Promise<Outcome> {
    const site = await findOwnSite(sql, call, (role) => role === 'owner');
    if (isRefusal(site)) return site;
    const body = readBody(call.request, move);
    if (isRefusal(body)) return body;
    const teamId = await chooseTeam(sql, call.user, body.team_id);
    if (isRefusal(teamId)) return teamId;
    const moved = await makeChange(call.author, (change) => moveSite(change, site, teamId));
    return replyJson(describeSite(moved.value));
  }

  async function remove(call: UserCall): Promise<Outcome> {
    const site = await findOwnSite(sql, call, (role) => role === 'owner');
    if (isRefusal(site)) return site;
    await makeChange(call.author, (change) => deleteSite(change, site));
    return replyEmpty();
  }

  return [
    make.user('GET', LIST, list),
    make.user('POST', LIST, create),
    make.user('GET', ONE, show),
    make.user('PUT', ONE, update),
    make.user('DELETE', ONE, remove),
  ];
}

/** The team named, when the user manages it; without a name the only one that the user manages. */
async function chooseTeam(sql: Sql, user: User, wanted: string | undefined): Promise<string | Refusal> {
  const teams = await sql<{ id: string }[]>`
    SELECT t.id FROM tenants t JOIN tenant_members m ON m.tenant_id = t.id
    WHERE m.user_id = ${user.id} AND m.role IN ('owner', 'admin') AND t.archived_at IS NULL`;
  if (wanted !== undefined) return teams.some((team) => team.id === wanted) ? wanted : ACCESS_DENIED;
  const [only, ...others] = teams;
  if (only === undefined) return ACCESS_DENIED;
  if (others.length > 0)
    return refuse('field_required', 'You manage several teams: say which with team_id', 'team_id');
  return only.id;
}

function describeSeen(site: SeenSite): object {
  return { ...describeSite(site), role: site.role };
}
