/** Which team a path means, and whether the user may deal with it. One answer for all that are not theirs. */
import type { Sql, Transaction } from '../../store/connect.ts';
import { managesTeam, type TeamRole } from '../actor.ts';
import { ACCESS_DENIED, isRefusal, type Refusal } from '../refusal.ts';
import type { UserCall } from '../route.ts';

export interface Team {
  readonly id: string;
  readonly name: string;
  readonly is_default: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  /** The role of the user who asks. */
  readonly role: TeamRole;
}

/** The team of the path's first parameter, for its members. Unknown, archived and others' teams are all 403. */
export async function findTeam(sql: Sql | Transaction, call: UserCall): Promise<Team | Refusal> {
  const id = call.id(0, 'team');
  if (isRefusal(id)) return id;
  const [team] = await sql<Team[]>`
    SELECT t.id, t.name, t.is_default, t.created_at, t.updated_at, m.role
    FROM tenants t JOIN tenant_members m ON m.tenant_id = t.id AND m.user_id = ${call.user.id}
    WHERE t.id = ${id} AND t.archived_at IS NULL`;
  return team ?? ACCESS_DENIED;
}

/** The same, for its owners and admins. */
export async function findManagedTeam(sql: Sql | Transaction, call: UserCall): Promise<Team | Refusal> {
  const team = await findTeam(sql, call);
  return isRefusal(team) || managesTeam(team.role) ? team : ACCESS_DENIED;
}
