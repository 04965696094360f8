/**
 * The routes of a team's members. Owners make and unmake owners; admins deal with the rest; everybody may leave; the
 * last owner stays. Somebody is added by id, which that person reads at GET /api/user: an e-mail address would tell
 * who has an account here, so only those who may list all users may use one.
 */
import { z } from 'zod';
import type { Route } from '../../http/request.ts';
import { isInstanceAllowed, managesTeam, type TeamRole } from '../actor.ts';
import { readBody } from '../body.ts';
import { ACCESS_DENIED, isRefusal, notFound, refuse, type Refusal } from '../refusal.ts';
import { replyCreated, replyEmpty, replyJson } from '../reply.ts';
import type { Outcome, UserCall } from '../route.ts';
import { findManagedTeam, findTeam } from './access.ts';
import type { TeamDeps } from './routes.ts';
import { listMembers, lockMembers, setMember, type Member } from './team.ts';

const LIST = '/api/user/teams/:id/members';
const ONE = '/api/user/teams/:id/members/:userId';
const role = z.enum(['owner', 'admin', 'member']);
export const addition = z.strictObject({ user_id: z.uuid().optional(), email: z.string().optional(), role });
export const change = z.strictObject({ role });

const UNKNOWN = notFound('User');
const NO_MEMBER = notFound('Team member');
const LAST_OWNER = refuse('conflict', 'A team needs an owner: make somebody else owner first.');

export function createTeamMemberRoutes({ sql, make, makeChange }: TeamDeps): readonly Route[] {
  async function list(call: UserCall): Promise<Outcome> {
    const team = await findTeam(sql, call);
    if (isRefusal(team)) return team;
    const members = await listMembers(sql, team.id);
    return replyJson(members.map((member) => describeMember(member)));
  }

  async function findUser(
    call: UserCall,
    wanted: z.infer<typeof addition>,
  ): Promise<{ user_id: string; email: string } | Refusal> {
    const { user_id: id, email } = wanted;
    if ((id === undefined) === (email === undefined))
      return refuse('field_required', 'Name the user by either user_id or email', 'user_id');
    if (email !== undefined && !isInstanceAllowed(call.user.instanceRole, 'manage_users'))
      return refuse(
        'access_denied',
        'Access denied: name the user by user_id, shown at GET /api/user',
        'email',
      );
    const [user] =
      id === undefined
        ? await sql<
            Member[]
          >`SELECT id AS user_id, email FROM users WHERE lower(email) = lower(${email ?? ''})`
        : await sql<Member[]>`SELECT id AS user_id, email FROM users WHERE id = ${id}`;
    return user ?? UNKNOWN;
  }

  async function add(call: UserCall): Promise<Outcome> {
    const team = await findManagedTeam(sql, call);
    if (isRefusal(team)) return team;
    const body = readBody(call.request, addition);
    if (isRefusal(body)) return body;
    if (!mayGive(team.role, body.role)) return ACCESS_DENIED;
    const user = await findUser(call, body);
    if (isRefusal(user)) return user;
    const added = await makeChange(call.author, async (work) => {
      const members = await lockMembers(work.tx, team.id);
      if (members.some((member) => member.user_id === user.user_id))
        return refuse('conflict', 'This user is a member already.');
      await setMember(work, team.id, user, null, body.role);
      return null;
    });
    return added.value ?? replyCreated({ user_id: user.user_id, email: user.email, role: body.role });
  }

  async function set(call: UserCall, wanted: TeamRole | null): Promise<Refusal | Member> {
    const team = await findTeam(sql, call);
    if (isRefusal(team)) return team;
    const id = call.id(1, 'user');
    if (isRefusal(id)) return id;
    const isLeaving = wanted === null && id === call.user.id;
    if (!managesTeam(team.role) && !isLeaving) return ACCESS_DENIED;
    const done = await makeChange(call.author, async (work): Promise<Refusal | Member> => {
      const members = await lockMembers(work.tx, team.id);
      const member = members.find((one) => one.user_id === id);
      if (member === undefined) return NO_MEMBER;
      if (!isLeaving && !(mayGive(team.role, member.role) && mayGive(team.role, wanted ?? 'member')))
        return ACCESS_DENIED;
      const owners = members.filter((one) => one.role === 'owner');
      if (member.role === 'owner' && wanted !== 'owner' && owners.length === 1) return LAST_OWNER;
      await setMember(work, team.id, member, member.role, wanted);
      return { ...member, role: wanted ?? member.role };
    });
    return done.value;
  }

  async function update(call: UserCall): Promise<Outcome> {
    const body = readBody(call.request, change);
    if (isRefusal(body)) {
      // Whether somebody may change it at all comes first.
      const team = await findManagedTeam(sql, call);
      return isRefusal(team) ? team : body;
    }
    const member = await set(call, body.role);
    return isRefusal(member) ? member : replyJson(describeMember(member));
  }

  async function remove(call: UserCall): Promise<Outcome> {
    const member = await set(call, null);
    return isRefusal(member) ? member : replyEmpty();
  }

  return [
    make.user('GET', LIST, list),
    make.user('POST', LIST, add),
    make.user('PUT', ONE, update),
    make.user('DELETE', ONE, remove),
  ];
}

/** Only an owner deals with owners. */
function mayGive(held: TeamRole, given: TeamRole): boolean {
  return held === 'owner' || given !== 'owner';
}

function describeMember(member: Member): object {
  const { user_id, email, role: held, created_at } = member;
  return { user_id, email, role: held, created_at: created_at.toISOString() };
}
