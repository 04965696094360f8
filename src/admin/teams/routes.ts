/** The routes of teams. A team is seen by its members, changed by its owners and admins, archived by its owners. */
import { z } from 'zod';
import type { Route } from '../../http/request.ts';
import type { Sql } from '../../store/connect.ts';
import { isInstanceAllowed } from '../actor.ts';
import { nameSchema, readBody } from '../body.ts';
import type { MakeChange } from '../change.ts';
import { ACCESS_DENIED, isRefusal, refuse } from '../refusal.ts';
import { replyCreated, replyEmpty, replyJson } from '../reply.ts';
import type { Outcome, RouteMaker, UserCall } from '../route.ts';
import { findManagedTeam, findTeam, type Team } from './access.ts';
import { archiveTeam, createTeam } from './team.ts';

export interface TeamDeps {
  readonly sql: Sql;
  readonly make: RouteMaker;
  readonly makeChange: MakeChange;
}

const LIST = '/api/user/teams';
const ONE = '/api/user/teams/:id';
export const naming = z.strictObject({ name: nameSchema });

export function createTeamRoutes({ sql, make, makeChange }: TeamDeps): readonly Route[] {
  async function list(call: UserCall): Promise<Outcome> {
    const teams = await sql<Team[]>`
      SELECT t.id, t.name, t.is_default, t.created_at, t.updated_at, m.role
      FROM tenants t JOIN tenant_members m ON m.tenant_id = t.id AND m.user_id = ${call.user.id}
      WHERE t.archived_at IS NULL ORDER BY t.created_at, t.id`;
    return replyJson(teams.map((team) => describeTeam(team)));
  }

  async function create(call: UserCall): Promise<Outcome> {
    if (!isInstanceAllowed(call.user.instanceRole, 'manage_teams')) return ACCESS_DENIED;
    const body = readBody(call.request, naming);
    if (isRefusal(body)) return body;
    const made = await makeChange(call.author, async (change) => {
      const id = await createTeam(change, body.name, call.user.id);
      const [team] = await change.tx<Team[]>`SELECT *, 'owner' AS role FROM tenants WHERE id = ${id}`;
      return team;
    });
    return made.value === undefined ? ACCESS_DENIED : replyCreated(describeTeam(made.value));
  }

  async function show(call: UserCall): Promise<Outcome> {
    const team = await findTeam(sql, call);
    return isRefusal(team) ? team : replyJson(describeTeam(team));
  }

  async function rename(call: UserCall): Promise<Outcome> {
    const team = await findManagedTeam(sql, call);
    if (isRefusal(team)) return team;
    const body = readBody(call.request, naming);
    if (isRefusal(body)) return body;
    await makeChange(call.author, async (change) => {
      await change.tx`UPDATE tenants SET name = ${body.name}, updated_at = now() WHERE id = ${team.id}`;
      change.audit({
        action: 'team.updated',
        teamId: team.id,
        targetType: 'team',
        targetId: team.id,
        targetLabel: body.name,
        before: { name: team.name },
        after: { name: body.name },
      });
    });
    return replyJson(describeTeam({ ...team, name: body.name, updated_at: new Date() }));
  }

  async function archive(call: UserCall): Promise<Outcome> {
    const team = await findTeam(sql, call);
    if (isRefusal(team)) return team;
    if (team.role !== 'owner') return ACCESS_DENIED;
    if (team.is_default)
      return refuse(
        'conflict',
        'The default team owns sites made without naming a team: it cannot be archived.',
      );
    await makeChange(call.author, (change) => archiveTeam(change, team));
    return replyEmpty();
  }

  return [
    make.user('GET', LIST, list),
    make.user('POST', LIST, create),
    make.user('GET', ONE, show),
    make.user('PUT', ONE, rename),
    make.user('DELETE', ONE, archive),
  ];
}

function describeTeam(team: Team): object {
  return {
    id: team.id,
    name: team.name,
    is_default: team.is_default,
    role: team.role,
    created_at: team.created_at.toISOString(),
    updated_at: team.updated_at.toISOString(),
  };
}
