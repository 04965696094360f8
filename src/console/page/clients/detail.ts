/** One client: what it is, what it may, its use; and what can be done with it. */
import { useLoaded } from '../base/load.ts';
import { printAgo, printTime } from '../base/time.ts';
import { html, useState, type ComponentChildren, type VNode } from '../base/view.ts';
import { Heading, Shown } from '../elements/notice.ts';
import { ClientActions } from './actions.ts';
import { isWriter, type Client, type Owner, type Site } from './client.ts';
import { domainsOf, State } from './list.ts';
import { ReceiptNotice, type Ended } from './receipt.ts';
import { ClientUsage } from './usage.ts';

export function ClientDetail({ owner, id }: { readonly owner: Owner; readonly id: string }): VNode {
  const path = `${owner.path}/${id}`;
  const client = useLoaded<Client>(path);
  const sites = useLoaded<readonly Site[]>('/api/sites');
  const [ended, setEnded] = useState<Ended | null>(null);
  const seen = sites.state.kind === 'loaded' ? sites.state.body : [];
  const etag = client.state.kind === 'loaded' ? client.state.etag : null;

  return html`
    <p class="path"><a href=${`#/clients/${owner.place}`}>API clients: ${owner.name}</a></p>
    <${Shown} state=${client.state} onRetry=${client.reload} isPage=${true}>
      ${(one: Client) => html`
        <${Heading} title=${one.name}><${State} client=${one} /></${Heading}>
        ${one.description !== '' && html`<p class="description">${one.description}</p>`}
        <${ClientActions}
          owner=${owner} client=${one} etag=${etag} sites=${seen}
          onChanged=${client.reload} onEnded=${setEnded}
        />
        ${ended !== null && html`<${ReceiptNotice} key=${ended.receipt.sequence} ...${ended} />`}
        <div class="columns">
          <${Facts} client=${one} onReload=${client.reload} />
          <${Grants} client=${one} sites=${seen} />
        </div>
        <${ClientUsage} path=${`${path}/usage`} />
      `}
    </${Shown}>
  `;
}

function Facts({ client, onReload }: { readonly client: Client; readonly onReload: () => void }): VNode {
  const time = (at: string | undefined, none: string): ComponentChildren =>
    at === undefined
      ? html`<span class="quiet">${none}</span>`
      : html`<time datetime=${at}>${printTime(at)}</time> <span class="quiet">${printAgo(at)}</span>`;
  return html`
    <section aria-labelledby="facts">
      <h2 id="facts">Token</h2>
      <dl>
        <dt>Hint</dt>
        <dd><code>${client.token_hint ?? '—'}</code></dd>
        <dt>Last used</dt>
        <dd>${time(client.last_used_at, 'never')} <button type="button" class="plain" onClick=${onReload}>Look again</button></dd>
        ${client.last_used_ip !== undefined && html`<dt>from</dt><dd>${client.last_used_ip}</dd>`}
        ${client.last_used_user_agent !== undefined && html`<dt>by</dt><dd class="clip">${client.last_used_user_agent}</dd>`}
        <dt>Created</dt>
        <dd>${time(client.created_at, '')}</dd>
        <dt>Ends</dt>
        <dd>${time(client.expires_at, 'never')}</dd>
        ${client.revoked_at !== undefined && html`<dt>Revoked</dt><dd>${time(client.revoked_at, '')}</dd>`}
        ${client.instance_role !== 'user' && html`<dt>Instance role</dt><dd>${client.instance_role}</dd>`}
      </dl>
    </section>
  `;
}

function Grants({ client, sites }: { readonly client: Client; readonly sites: readonly Site[] }): VNode {
  const domains = domainsOf(sites);
  return html`
    <section aria-labelledby="grants">
      <h2 id="grants">Sites</h2>
      ${client.site_roles.length === 0 && html`<p class="quiet">None: it may write nothing.</p>`}
      <ul class="plain">
        ${client.site_roles.map(
          (grant) => html`
            <li key=${grant.site_id}>
              ${domains.get(grant.site_id) ?? grant.site_id}
              <span class="quiet"> ${grant.role}, ${isWriter(grant) ? 'writes records' : 'writes nothing'}</span>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}
