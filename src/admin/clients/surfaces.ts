/** The two kinds of API clients that HitKeep has: a person's own, and a team's. */
import type { Sql } from '../../store/connect.ts';
import { isRefusal } from '../refusal.ts';
import { findManagedTeam } from '../teams/access.ts';
import { checkInstanceRole, checkPersonalRoles, checkTeamRoles } from './delegation.ts';
import { personalCreate, personalUpdate, teamCreate, teamUpdate } from './fields.ts';
import type { Surface } from './routes.ts';

export function personalSurface(sql: Sql): Surface {
  return {
    path: '/api/user/api-clients',
    idIndex: 0,
    createSchema: personalCreate,
    updateSchema: personalUpdate,
    findOwner: async (call) => ({ kind: 'personal', userId: call.user.id }),
    checkDelegation: async (user, _owner, wanted, roles) =>
      checkInstanceRole(user, wanted.instance_role) ?? (await checkPersonalRoles(sql, user, roles)),
  };
}

/** Only for owners and admins of the team; a client of it survives whoever made it, and dies with the team. */
export function teamSurface(sql: Sql): Surface {
  return {
    path: '/api/user/teams/:id/api-clients',
    idIndex: 1,
    createSchema: teamCreate,
    updateSchema: teamUpdate,
    async findOwner(call) {
      const team = await findManagedTeam(sql, call);
      return isRefusal(team) ? team : { kind: 'team', teamId: team.id };
    },
    checkDelegation: async (_user, owner, _wanted, roles) =>
      owner.kind === 'team' ? checkTeamRoles(sql, owner.teamId, roles) : null,
  };
}
