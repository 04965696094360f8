/** Changes made on the command line: audited under the command's name; running gateways hear of them by Postgres. */
import { randomUUID } from 'node:crypto';
import { createChangeMaker, type Change } from '../../admin/change.ts';
import type { Sql } from '../../store/connect.ts';

export async function changeAs<T>(
  sql: Sql,
  command: string,
  work: (change: Change) => Promise<T>,
): Promise<T> {
  const author = {
    actor: { kind: 'system', label: `sluice ${command}` },
    source: { ip: null, userAgent: null, requestId: randomUUID() },
  } as const;
  const changed = await createChangeMaker(sql, () => undefined)(author, work);
  return changed.value;
}
