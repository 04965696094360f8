/** Limits of API clients of whatever owner: for the instance's owners and admins, who answer for its capacity. */
import { z } from 'zod';
import type { Limits } from '../../grants/limit.ts';
import type { Route } from '../../http/request.ts';
import type { Transaction } from '../../store/connect.ts';
import { isInstanceAllowed } from '../actor.ts';
import { readBody } from '../body.ts';
import { setLimits } from '../clients/change.ts';
import { describeClient, etagOf, findClient, ownerOf, type ClientRow } from '../clients/client.ts';
import { ACCESS_DENIED, isRefusal, notFound, type Refusal } from '../refusal.ts';
import { replyJson } from '../reply.ts';
import type { Outcome, UserCall } from '../route.ts';
import type { TeamDeps } from '../teams/routes.ts';

const RATE_MAX = 1_000_000_000;
const BURST_SECONDS_MAX = 3600;
const rate = z
  .number()
  .int()
  .min(1)
  .max(RATE_MAX)
  .nullish()
  .transform((perSecond) => perSecond ?? null);
/** A full replacement: null, or left out, is no limit; none of the three: as the settings say for everybody. */
export const limitsSchema = z.strictObject({
  requests_per_second: rate,
  records_per_second: rate,
  bytes_per_second: rate,
  burst_seconds: z.number().int().min(1).max(BURST_SECONDS_MAX).default(10),
});
const NOT_FOUND = notFound('API client');

export function createLimitRoutes({ make, makeChange }: TeamDeps): readonly Route[] {
  async function replace(call: UserCall): Promise<Outcome> {
    if (!isInstanceAllowed(call.user.instanceRole, 'limit_clients')) return ACCESS_DENIED;
    const id = call.id(0, 'client');
    if (isRefusal(id)) return id;
    const body = readBody(call.request, limitsSchema);
    if (isRefusal(body)) return body;
    const made = await makeChange(call.author, async (change): Promise<ClientRow | Refusal> => {
      const before = await findAnyClient(change.tx, id);
      return before === null ? NOT_FOUND : setLimits(change, before, limitsOf(body));
    });
    const client = made.value;
    return isRefusal(client)
      ? client
      : replyJson(describeClient(client), { headers: [['ETag', etagOf(client)]] });
  }

  return [make.user('PUT', '/api/api-clients/:id/limits', replace)];
}

/** Whosever it is; locked. */
async function findAnyClient(tx: Transaction, id: string): Promise<ClientRow | null> {
  const [found] = await tx<Pick<ClientRow, 'user_id' | 'tenant_id' | 'organization_id'>[]>`
    SELECT user_id, tenant_id, organization_id FROM api_clients WHERE id = ${id}`;
  return found === undefined ? null : findClient(tx, ownerOf(found), id, true);
}

function limitsOf(body: z.infer<typeof limitsSchema>): Limits | null {
  const limits = {
    requestsPerSecond: body.requests_per_second,
    recordsPerSecond: body.records_per_second,
    bytesPerSecond: body.bytes_per_second,
    burstSeconds: body.burst_seconds,
  };
  const isNone =
    limits.requestsPerSecond === null && limits.recordsPerSecond === null && limits.bytesPerSecond === null;
  return isNone ? null : limits;
}
