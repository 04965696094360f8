/** Sites: what records belong to. Every change is announced in the same transaction, so that no gateway goes on
 * believing that a domain is unknown. */
import { randomUUID } from 'node:crypto';
import { publishRevocation } from '../grants/revocation/publish.ts';
import type { Sql } from '../store/connect.ts';

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

export async function createSite(sql: Sql, tenantId: string, text: string): Promise<SiteCreated> {
  const domain = normaliseDomain(text);
  if (domain === null) {
    const detail =
      'A domain is a host name such as example.com: letters, digits and hyphens, no scheme, port or path.';
    return { kind: 'domain_invalid', detail };
  }
  return sql.begin(async (tx) => {
    const [site] = await tx<Site[]>`
      INSERT INTO sites (id, tenant_id, domain) VALUES (${randomUUID()}, ${tenantId}, ${domain})
      ON CONFLICT (domain) DO NOTHING
      RETURNING id, domain, tenant_id AS "tenantId", created_at AS "createdAt"`;
    if (site === undefined) return { kind: 'domain_taken', domain };
    await publishRevocation(tx, { kind: 'site', subject: domain, version: 1 });
    return { kind: 'created', site };
  });
}

export async function listSites(sql: Sql): Promise<readonly Site[]> {
  return sql<Site[]>`
    SELECT id, domain, tenant_id AS "tenantId", created_at AS "createdAt" FROM sites ORDER BY domain`;
}

/** By id, or by domain as a user would write it. */
export async function findSite(sql: Sql, idOrDomain: string): Promise<Site | null> {
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
