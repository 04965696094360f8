/** Making a client, and changing one: name, description, end, and the sites with what it is there. */
import { ask, createRequestKey, type Problem } from '../../base/api.ts';
import { useLoaded } from '../../base/load.ts';
import { goTo } from '../../base/place.ts';
import type { Session } from '../../base/session.ts';
import { html, useMemo, useState, type VNode } from '../../base/view.ts';
import { exceptFields, Field, readField } from '../../elements/field.ts';
import { Heading, Shown, Trouble } from '../../elements/notice.ts';
import { grantableSites, type Client, type Owner, type Site, type SiteGrant } from '../client.ts';
import { ExpiryField } from './expiry.ts';
import { GrantsField } from './grants.ts';
import { NewToken, type Issued } from '../token.ts';

export interface OwnedProperties {
  readonly session: Session;
  readonly owner: Owner;
}

export function NewClient({ owner }: OwnedProperties): VNode {
  const [issued, setIssued] = useState<Issued | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const key = useMemo(createRequestKey, []);
  const sites = useLoaded<readonly Site[]>('/api/sites');

  async function create(body: object): Promise<void> {
    const answer = await ask<Issued>('POST', owner.path, {
      body,
      // A change of the form is another request.
      headers: { 'Idempotency-Key': `${key}-${hashText(JSON.stringify(body))}` },
    });
    if (answer.isGood) setIssued(answer.body);
    else setProblem(answer.problem);
  }

  return html`
    <${Heading} title="New client" />
    <p class="quiet">${owner.teamId === null ? 'Yours alone' : `Of the team ${owner.name}`}</p>
    <${Shown} state=${sites.state} onRetry=${sites.reload}>
      ${(all: readonly Site[]) => html`
        <${ClientForm} owner=${owner} sites=${all} problem=${problem} verb="Create" onSend=${create} />
        ${
          issued !== null &&
          html`<${NewToken} issued=${issued} sites=${all} onClose=${() => goTo(`/clients/${owner.place}/${issued.client.id}`)} />`
        }
      `}
    </${Shown}>
  `;
}

export function ChangedClient({ owner, id }: OwnedProperties & { readonly id: string }): VNode {
  const [problem, setProblem] = useState<Problem | null>(null);
  const place = `/clients/${owner.place}/${id}`;
  const client = useLoaded<Client>(`${owner.path}/${id}`);
  const sites = useLoaded<readonly Site[]>('/api/sites');
  const etag = client.state.kind === 'loaded' ? client.state.etag : null;

  async function change(body: object): Promise<void> {
    const headers = etag === null ? {} : { 'If-Match': etag };
    const answer = await ask<Client>('PUT', `${owner.path}/${id}`, { body, headers });
    if (answer.isGood) goTo(place);
    else setProblem(answer.problem);
  }

  return html`
    <${Heading} title="Change a client" />
    <${Shown} state=${sites.state} onRetry=${sites.reload}>
      ${(all: readonly Site[]) => html`
        <${Shown} state=${client.state} onRetry=${client.reload}>
          ${(one: Client) => html`
            <${ClientForm} owner=${owner} sites=${all} client=${one} problem=${problem} verb="Save" onSend=${change} />
          `}
        </${Shown}>
      `}
    </${Shown}>
  `;
}

interface ClientFormProperties {
  readonly owner: Owner;
  readonly sites: readonly Site[];
  readonly client?: Client;
  readonly problem: Problem | null;
  readonly verb: string;
  readonly onSend: (body: object) => Promise<void>;
}

const FIELDS = ['name', 'description', 'expires_at', 'site_roles'];

function ClientForm({ owner, sites, client, problem, verb, onSend }: ClientFormProperties): VNode {
  const [grants, setGrants] = useState<readonly SiteGrant[]>(client?.site_roles ?? []);
  const [expiresAt, setExpiresAt] = useState<string | null>(client?.expires_at ?? null);
  const [isBusy, setBusy] = useState(false);

  async function send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    await onSend({
      name: readField(form, 'name'),
      description: readField(form, 'description'),
      site_roles: grants,
      ...(expiresAt === null ? {} : { expires_at: expiresAt }),
      ...(owner.teamId === null ? { instance_role: client?.instance_role ?? 'user' } : {}),
    });
    setBusy(false);
  }

  return html`
    <form onSubmit=${send}>
      <${Trouble} problem=${exceptFields(problem, FIELDS)} />
      <${Field} name="name" label="Name" problem=${problem}>
        ${(attributes: object) => html`<input required maxlength="120" autocomplete="off" defaultValue=${client?.name ?? ''} ...${attributes} />`}
      </${Field}>
      <${Field} name="description" label="Description" advice="Optional." problem=${problem}>
        ${(attributes: object) => html`<textarea rows="2" maxlength="500" defaultValue=${client?.description ?? ''} ...${attributes}></textarea>`}
      </${Field}>
      <${GrantsField} sites=${grantableSites(sites, owner)} grants=${grants} problem=${problem} onChange=${setGrants} />
      <${ExpiryField} value=${expiresAt} problem=${problem} onChange=${setExpiresAt} />
      <div class="actions">
        <button type="submit" class="main" disabled=${isBusy}>${verb}</button>
        <a class="button" href=${`#/clients/${owner.place}${client === undefined ? '' : `/${client.id}`}`}>Cancel</a>
      </div>
    </form>
  `;
}

/** Tells one content from another; no secret. */
function hashText(text: string): string {
  let hash = 0;
  for (const letter of text) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0)) >>> 0;
  return hash.toString(36);
}
