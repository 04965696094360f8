/** Reading the audit log: a team's, by its owners and admins; the instance's, by those with instance.view_audit. */
import { z } from 'zod';
import type { Route } from '../../http/request.ts';
import { isInstanceAllowed } from '../actor.ts';
import { readQuery } from '../body.ts';
import { ACCESS_DENIED, isRefusal, type Refusal } from '../refusal.ts';
import { replyJson } from '../reply.ts';
import type { Outcome, UserCall } from '../route.ts';
import { findManagedTeam } from '../teams/access.ts';
import type { TeamDeps } from '../teams/routes.ts';

interface Entry {
  readonly sequence: number;
  readonly created_at: Date;
}

const LIMIT_MAX = 500;
export const filters = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(100),
  /** Entries before this sequence number. */
  before: z.coerce.number().int().min(1).optional(),
  action: z.string().max(100).optional(),
  target_id: z.uuid().optional(),
  actor_id: z.uuid().optional(),
  /** Lower-case hex SHA-256 of a token: which changes made or ended it? */
  token_hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: 'must be 64 lower-case hex digits' })
    .optional(),
});

export function createAuditRoutes({ sql, make }: TeamDeps): readonly Route[] {
  async function reply(call: UserCall, teamId: string | null): Promise<Outcome> {
    const query = readQuery(call.request, filters);
    if (isRefusal(query)) return query;
    const { before, action, target_id: targetId, actor_id: actorId, token_hash: tokenHash, limit } = query;
    const entries = await sql<Entry[]>`
      SELECT sequence::float8, created_at, action, actor_type, actor_id, actor_label, actor_role, team_id, target_type,
             target_id, target_label, token_hashes, before, after, ip, user_agent, request_id
      FROM audit_log
      WHERE true
        ${teamId === null ? sql`` : sql`AND team_id = ${teamId}`}
        ${before === undefined ? sql`` : sql`AND sequence < ${before}`}
        ${action === undefined ? sql`` : sql`AND action = ${action}`}
        ${targetId === undefined ? sql`` : sql`AND target_id = ${targetId}`}
        ${actorId === undefined ? sql`` : sql`AND actor_id = ${actorId}`}
        ${tokenHash === undefined ? sql`` : sql`AND token_hashes @> ARRAY[${tokenHash}::text]`}
      ORDER BY sequence DESC LIMIT ${limit + 1}`;
    const shown = entries.slice(0, limit);
    const last = shown.at(-1);
    const parameters = new URLSearchParams(call.request.query);
    parameters.set('before', String(last?.sequence ?? 0));
    return replyJson(shown, {
      headers:
        entries.length > limit
          ? [['Link', `<${call.request.path}?${parameters.toString()}>; rel="next"`]]
          : [],
    });
  }

  async function showTeam(call: UserCall): Promise<Outcome> {
    const team: { readonly id: string } | Refusal = await findManagedTeam(sql, call);
    return isRefusal(team) ? team : reply(call, team.id);
  }

  async function showInstance(call: UserCall): Promise<Outcome> {
    return isInstanceAllowed(call.user.instanceRole, 'view_audit') ? reply(call, null) : ACCESS_DENIED;
  }

  return [
    make.user('GET', '/api/user/teams/:id/audit', showTeam),
    make.user('GET', '/api/audit', showInstance),
  ];
}
