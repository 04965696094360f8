/** The clients of one owner: name, hint of the token, grants, last use. */
import { useLoaded } from '../base/load.ts';
import { printAgo, printTime } from '../base/time.ts';
import { html, useState, type VNode } from '../base/view.ts';
import { Empty, Heading, Shown } from '../elements/notice.ts';
import { stateOf, type Client, type ClientState, type Owner, type Site } from './client.ts';

export interface ClientListProperties {
  readonly owners: readonly Owner[];
  readonly owner: Owner;
}

type Filter = ClientState | 'all';
const FILTERS: readonly Filter[] = ['all', 'active', 'revoked', 'expired'];
const PAGE_CLIENTS = 50;

export function ClientList({ owners, owner }: ClientListProperties): VNode {
  const [filter, setFilter] = useState<Filter>('all');
  const [path, setPath] = useState<string | null>(null);
  const first = `${owner.path}?limit=${PAGE_CLIENTS}${filter === 'all' ? '' : `&state=${filter}`}`;
  const clients = useLoaded<readonly Client[]>(path ?? first);
  const sites = useLoaded<readonly Site[]>('/api/sites');
  const domains = domainsOf(sites.state.kind === 'loaded' ? sites.state.body : []);
  const next = clients.state.kind === 'loaded' ? clients.state.next : null;

  function choose(event: Event): void {
    setFilter((event.currentTarget as HTMLSelectElement).value as Filter);
    setPath(null);
  }

  return html`
    <${Heading} title="API clients">
      <a class="button main" href=${`#/clients/${owner.place}/new`}>New client</a>
    </${Heading}>
    <div class="bar">
      <nav class="tabs" aria-label="Whose clients">
        ${owners.map(
          (one) => html`
            <a key=${one.place} href=${`#/clients/${one.place}`} aria-current=${one === owner ? 'page' : null}>${one.name}</a>
          `,
        )}
      </nav>
      <label class="inline">State
        <select value=${filter} onChange=${choose}>
          ${FILTERS.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
        </select>
      </label>
    </div>
    <${Shown} state=${clients.state} onRetry=${clients.reload}>
      ${(body: readonly Client[]) =>
        body.length === 0
          ? html`<${NoClients} owner=${owner} isFiltered=${filter !== 'all' || path !== null} />`
          : html`<${Table} clients=${body} owner=${owner} domains=${domains} />`}
    </${Shown}>
    <div class="pager">
      ${path !== null && html`<button type="button" onClick=${() => setPath(null)}>Newest</button>`}
      ${next !== null && html`<button type="button" onClick=${() => setPath(next)}>Older</button>`}
    </div>
  `;
}

function NoClients({ owner, isFiltered }: { readonly owner: Owner; readonly isFiltered: boolean }): VNode {
  if (isFiltered) return html`<${Empty}><p>None in this state.</p></${Empty}>`;
  const whose = owner.teamId === null ? 'You have no clients.' : 'This team has no clients.';
  return html`
    <${Empty}>
      <p><strong>${whose}</strong> A client is a token and the sites that it may write to.</p>
      <p>
        ${
          owner.teamId === null
            ? 'A client of yours can do no more than you can. For machines, a team’s client is better: it stays when people leave.'
            : 'It stays with the team when whoever made it leaves.'
        }
      </p>
    </${Empty}>
  `;
}

interface TableProperties {
  readonly clients: readonly Client[];
  readonly owner: Owner;
  readonly domains: ReadonlyMap<string, string>;
}

function Table({ clients, owner, domains }: TableProperties): VNode {
  return html`
    <table>
      <caption class="hidden">API clients: ${owner.name}</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Token</th>
          <th scope="col" class="wide">Sites</th>
          <th scope="col">Last used</th>
          <th scope="col" class="wide">Created</th>
        </tr>
      </thead>
      <tbody>
        ${clients.map((client) => html`<${Row} key=${client.id} client=${client} owner=${owner} domains=${domains} />`)}
      </tbody>
    </table>
  `;
}

function Row(properties: {
  readonly client: Client;
  readonly owner: Owner;
  readonly domains: ReadonlyMap<string, string>;
}): VNode {
  const { client, owner, domains } = properties;
  return html`
    <tr>
      <th scope="row">
        <a href=${`#/clients/${owner.place}/${client.id}`}>${client.name}</a> <${State} client=${client} />
        ${client.description !== '' && html`<div class="quiet clip">${client.description}</div>`}
      </th>
      <td><code>${client.token_hint === undefined ? '—' : client.token_hint}</code></td>
      <td class="wide">${printGrants(client, domains)}</td>
      <td>${printUse(client)}</td>
      <td class="wide" title=${printTime(client.created_at)}>${printAgo(client.created_at)}</td>
    </tr>
  `;
}

/** Nothing when all is as usual. */
export function State({ client }: { readonly client: Client }): VNode | null {
  const state = stateOf(client);
  if (state !== 'active') return html`<span class=${`state ${state}`}>${state}</span>`;
  if (client.previous_token_expires_at === undefined) return null;
  return html`<span class="state">old token until ${printTime(client.previous_token_expires_at)}</span>`;
}

function printUse(client: Client): VNode {
  const { last_used_at: at } = client;
  if (at === undefined) return html`<span class="quiet">never</span>`;
  return html`<time datetime=${at} title=${printTime(at)}>${printAgo(at)}</time>`;
}

function printGrants(client: Client, domains: ReadonlyMap<string, string>): VNode {
  const [first, ...others] = client.site_roles;
  if (first === undefined) return html`<span class="quiet">none</span>`;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return html`${domains.get(first.site_id) ?? 'a site'} <span class="quiet">${first.role}${more}</span>`;
}

export function domainsOf(sites: readonly Site[]): ReadonlyMap<string, string> {
  return new Map(sites.map((site) => [site.id, site.domain]));
}
