/**
 * What every variant that is not Sluice does with a body: the token's grant, the validation, the site and the permission,
 * by Sluice's own functions, and nothing besides: no limits, no counts, no accounts. The variants differ in the server in
 * front of this, and in what they do with the records behind it.
 */
import type { Grant } from '../../src/grants/grant.ts';
import { createGrants } from '../../src/grants/resolve.ts';
import { readCredential } from '../../src/grants/token.ts';
import { admitDomain, admitSite } from '../../src/ingest/admission.ts';
import { mixedKinds, type AnyRecord, type KindName, type MixedKind } from '../../src/ingest/batch/mixed.ts';
import { splitBody } from '../../src/ingest/batch/split.ts';
import { createCountries } from '../../src/ingest/enrich/country.ts';
import type { Refusal } from '../../src/ingest/verdict.ts';
import { isFault, type Fault, type Payload } from '../../src/records/payload.ts';
import { connectBench } from '../world.ts';

export interface Entrance {
  readonly kind: KindName;
  /** Null: the record leads to its site. */
  readonly siteId: string | null;
}

export interface Checked {
  readonly kind: MixedKind;
  readonly record: AnyRecord;
  readonly siteId: string;
  readonly clientId: string;
  readonly nowMs: number;
}

/** All records of a good body, or the status to refuse it with. */
export type Check = (
  entrance: Entrance,
  authorization: string,
  body: Buffer,
) => Promise<readonly Checked[] | number>;

const RECORDS_MAX = 10_000;
const TIME_POLICY = { pastMs: 20 * 365 * 86_400_000, futureMs: 3_600_000 };

export async function createCheck(databaseUrl: string): Promise<Check> {
  const sql = connectBench(databaseUrl, 2);
  const grants = await createGrants(
    { grantsMax: 100_000, staleMaxMs: 30_000, pollMs: 1000, nodeName: 'bench' },
    { sql, redis: null, log: () => undefined },
  );
  const countryOf = createCountries();
  const isVerified = (): null => null;

  function findSite(
    { siteId, kind }: Entrance,
    grant: Grant,
    record: AnyRecord,
    payload: Payload,
  ): string | Refusal | Fault | Promise<string | Refusal> {
    const roles = mixedKinds[kind].rolesOf(grant);
    if (siteId !== null) return admitSite(roles, siteId);
    const target = mixedKinds[kind].targetOf(record, payload);
    if (isFault(target)) return target;
    return 'siteId' in target
      ? admitSite(roles, target.siteId)
      : admitDomain(grants, grant, target.domain, roles);
  }

  return async (entrance, authorization, body) => {
    const token = readCredential(authorization, '');
    if (token === null) return 401;
    const verdict = grants.peek(token) ?? (await grants.resolve(token));
    if (verdict.kind !== 'granted') return 401;
    const { grant } = verdict;
    const split = splitBody(body, '', RECORDS_MAX);
    if (isFault(split)) return 400;
    const kind = mixedKinds[entrance.kind];
    const nowMs = Date.now();
    const { clientId } = grant;
    const context = { nowMs, timePolicy: TIME_POLICY, countryOf, isVerified, clientId, idempotencyKey: '' };
    const checked: Checked[] = [];
    for (const [index, payload] of (split.form === 'single' ? [split.payload] : split.elements).entries()) {
      const record = isFault(payload) ? payload : kind.read(payload, { ...context, index });
      if (isFault(record) || isFault(payload)) return 400;
      const found = findSite(entrance, grant, record, payload);
      const siteId = found instanceof Promise ? await found : found;
      if (typeof siteId !== 'string') return 403;
      if (kind.checkLate(record) !== null) return 400;
      checked.push({ kind, record, siteId, clientId, nowMs });
    }
    return checked;
  };
}
