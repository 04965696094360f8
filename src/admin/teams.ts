/** Teams own sites and team clients. The database keeps them as tenants. */
import { randomUUID } from 'node:crypto';
import type { Sql } from '../store/connect.ts';

/** The id of the team that owns sites created without naming one; made when it does not exist yet. */
export async function ensureDefaultTeam(sql: Sql): Promise<string> {
  await sql`
    INSERT INTO tenants (id, name, is_default) VALUES (${randomUUID()}, 'Default team', true)
    ON CONFLICT DO NOTHING`;
  const [team] = await sql<{ id: string }[]>`SELECT id FROM tenants WHERE is_default`;
  if (team === undefined) throw new Error('the default team is gone between two statements');
  return team.id;
}
