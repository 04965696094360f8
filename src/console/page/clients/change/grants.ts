/** The sites of a client, picked from a list, and what it is there. */
import type { Problem } from '../../base/api.ts';
import { html, type VNode } from '../../base/view.ts';
import { isAbout } from '../../elements/field.ts';
import { SITE_ROLES, type Site, type SiteGrant, type SiteRole } from '../client.ts';

export interface GrantsFieldProperties {
  /** Those that can be granted. */
  readonly sites: readonly Site[];
  readonly grants: readonly SiteGrant[];
  readonly problem: Problem | null;
  readonly onChange: (grants: readonly SiteGrant[]) => void;
}

export function GrantsField({ sites, grants, problem, onChange }: GrantsFieldProperties): VNode {
  const isTaken = (id: string): boolean => grants.some((grant) => grant.site_id === id);
  const free = sites.filter((site) => !isTaken(site.id));
  const replace = (index: number, grant: SiteGrant): void =>
    onChange(grants.map((one, place) => (place === index ? grant : one)));

  function add(): void {
    const [site] = free;
    if (site !== undefined) onChange([...grants, { site_id: site.id, role: 'admin' }]);
  }

  return html`
    <fieldset aria-describedby="site_roles-advice">
      <legend>Sites</legend>
      <p class="advice" id="site_roles-advice">Owner and admin write records; editor and viewer do not.</p>
      ${grants.map(
        (grant, index) => html`
          <${Grant}
            key=${grant.site_id}
            grant=${grant}
            sites=${sites.filter((site) => site.id === grant.site_id || !isTaken(site.id))}
            onChange=${(changed: SiteGrant) => replace(index, changed)}
            onRemove=${() => onChange(grants.filter((one) => one !== grant))}
          />
        `,
      )}
      ${sites.length === 0 && html`<p class="quiet">There is no site that this client could have. Make one under Sites.</p>`}
      ${free.length > 0 && html`<button type="button" onClick=${add}>Add a site</button>`}
      ${isAbout(problem, 'site_roles') && html`<p class="wrong" role="alert">${problem?.detail}</p>`}
    </fieldset>
  `;
}

interface GrantProperties {
  readonly grant: SiteGrant;
  readonly sites: readonly Site[];
  readonly onChange: (grant: SiteGrant) => void;
  readonly onRemove: () => void;
}

function Grant({ grant, sites, onChange, onRemove }: GrantProperties): VNode {
  const valueOf = (event: Event): string => (event.currentTarget as HTMLSelectElement).value;
  const isListed = sites.some((site) => site.id === grant.site_id);
  return html`
    <div class="grant">
      <select
        aria-label="Site"
        value=${grant.site_id}
        onChange=${(event: Event) => onChange({ ...grant, site_id: valueOf(event) })}
      >
        ${!isListed && html`<option value=${grant.site_id}>a site you do not see</option>`}
        ${sites.map((site) => html`<option key=${site.id} value=${site.id}>${site.domain}</option>`)}
      </select>
      <select
        aria-label="Role"
        value=${grant.role}
        onChange=${(event: Event) => onChange({ ...grant, role: valueOf(event) as SiteRole })}
      >
        ${SITE_ROLES.map((role) => html`<option key=${role} value=${role}>${role}</option>`)}
      </select>
      <button type="button" class="plain" aria-label="Remove this site" onClick=${onRemove}>Remove</button>
    </div>
  `;
}
