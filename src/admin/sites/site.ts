/** Sites: what records belong to. Every change is announced in its own transaction, so that no gateway goes on
 * believing that a domain is unknown, or a key without reach. */
import { randomUUID } from 'node:crypto';
import type { Sql, Transaction } from '../../store/connect.ts';
import { touchClients, type Change } from '../change.ts';

export interface Site {
  readonly id: string;
  readonly domain: string;
  readonly tenantId: string;
  readonly createdAt: Date;
}

export type SiteCreated =
  | { readonly kind: 'created'; readonly site: Site }
  | { readonly kind: 'domain_taken'; readonly domain: string }
  | { readonly kind: 'domain_invalid'; readonly detail: string };

export async function createSite(change: Change, tenantId: string, text: string): Promise<SiteCreated> {
  const { tx } = change;
  const domain = normaliseDomain(text);
  if (domain === null) {
    const detail =
      'A domain is a host name such as example.com: letters, digits and hyphens, no scheme, port or path.';
    return { kind: 'domain_invalid', detail };
  }
  const [site] = await tx<Site[]>`
    INSERT INTO sites (id, tenant_id, domain) VALUES (${randomUUID()}, ${tenantId}, ${domain})
    ON CONFLICT (domain) DO NOTHING
    RETURNING id, domain, tenant_id AS "tenantId", created_at AS "createdAt"`;
  if (site === undefined) return { kind: 'domain_taken', domain };
  await note(change, 'site.created', site, null, site);
  return { kind: 'created', site };
}

/** To another team: the clients of the old one lose it, the keys of the new one reach it. */
export async function moveSite(change: Change, before: Site, tenantId: string): Promise<Site> {
  const { tx } = change;
  await lockSite(tx, before);
  const clients = await findClientsOfSite(tx, before);
  await tx`UPDATE sites SET tenant_id = ${tenantId}, updated_at = now() WHERE id = ${before.id}`;
  await tx`
    DELETE FROM site_members m WHERE m.site_id = ${before.id} AND NOT EXISTS (
      SELECT FROM tenant_members t WHERE t.tenant_id = ${tenantId} AND t.user_id = m.user_id)`;
  const after = { ...before, tenantId };
  change.revoke(await touchClients(tx, clients));
  // Both teams see it in their logs.
  audit(change, 'site.moved', before.tenantId, before, after);
  await note(change, 'site.moved', after, before, after);
  return after;
}

/** Its records stay in their tables; nobody can add to them. */
export async function deleteSite(change: Change, site: Site): Promise<void> {
  await lockSite(change.tx, site);
  const clients = await findClientsOfSite(change.tx, site);
  await change.tx`DELETE FROM sites WHERE id = ${site.id}`;
  change.revoke(await touchClients(change.tx, clients));
  await note(change, 'site.deleted', site, site, null);
}

export async function listSites(sql: Sql): Promise<readonly Site[]> {
  return sql<Site[]>`
    SELECT id, domain, tenant_id AS "tenantId", created_at AS "createdAt" FROM sites ORDER BY domain`;
}

/** By id, or by domain as a user would write it. */
export async function findSite(sql: Sql | Transaction, idOrDomain: string): Promise<Site | null> {
  const domain = normaliseDomain(idOrDomain) ?? '';
  const [site] = await sql<Site[]>`
    SELECT id, domain, tenant_id AS "tenantId", created_at AS "createdAt" FROM sites
    WHERE id::text = ${idOrDomain.toLowerCase()} OR domain = ${domain}`;
  return site ?? null;
}

/** Lower-case, without one leading 'www.': the form in which a record's hostname is looked up. Null: no domain. */
export function normaliseDomain(text: string): string | null {
  const domain = text
    .trim()
    .toLowerCase()
    .replace(/^www\./, '');
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
  const isDomain = domain.length <= 253 && new RegExp(`^${label}(?:\\.${label})*$`).test(domain);
  return isDomain ? domain : null;
}

export function describeSite(site: Site): object {
  return {
    id: site.id,
    domain: site.domain,
    team_id: site.tenantId,
    created_at: site.createdAt.toISOString(),
  };
}

async function note(
  change: Change,
  action: string,
  site: Site,
  before: Site | null,
  after: Site | null,
): Promise<void> {
  audit(change, action, site.tenantId, before, after);
  change.revoke([{ kind: 'site', subject: site.domain, version: 1 }]);
  if (after !== null)
    change.revoke(await touchClients(change.tx, await findKeysOf(change.tx, after.tenantId)));
}

/** A key reaches all sites of its organization, new ones included. */
async function findKeysOf(tx: Transaction, tenantId: string): Promise<readonly string[]> {
  const rows = await tx<{ id: string }[]>`SELECT id FROM api_clients WHERE organization_id = ${tenantId}`;
  return rows.map((row) => row.id);
}

/** Nobody gives a role on it until the change is committed. */
async function lockSite(tx: Transaction, site: Site): Promise<void> {
  await tx`SELECT FROM sites WHERE id = ${site.id} FOR UPDATE`;
}

async function findClientsOfSite(tx: Transaction, site: Site): Promise<readonly string[]> {
  const rows = await tx<{ id: string }[]>`
    SELECT api_client_id AS id FROM api_client_site_roles WHERE site_id = ${site.id}
    UNION
    SELECT id FROM api_clients WHERE organization_id = ${site.tenantId}`;
  return rows.map((row) => row.id);
}

function audit(
  change: Change,
  action: string,
  teamId: string,
  before: Site | null,
  after: Site | null,
): void {
  const site = after ?? before;
  change.audit({
    action,
    teamId,
    targetType: 'site',
    targetId: site?.id ?? null,
    targetLabel: site?.domain ?? '',
    before: before === null ? null : describeSite(before),
    after: after === null ? null : describeSite(after),
  });
}
