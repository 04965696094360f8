/** #/sites: the sites one may see, and making one; #/sites/{id}: its members, and what is in quarantine. */
import { ask, type Problem } from '../base/api.ts';
import { useLoaded } from '../base/load.ts';
import { goTo } from '../base/place.ts';
import { managedTeams, type Session } from '../base/session.ts';
import { printTime } from '../base/time.ts';
import { html, useState, type VNode } from '../base/view.ts';
import type { Site } from '../clients/client.ts';
import { Dialog } from '../elements/dialog.ts';
import { exceptFields, Field, readField } from '../elements/field.ts';
import { Empty, Heading, Shown, Trouble } from '../elements/notice.ts';
import { Members } from './members.ts';
import { Quarantine } from './quarantine.ts';

type SeenSite = Site & { readonly created_at: string };

export interface SitePagesProperties {
  readonly session: Session;
  readonly place: readonly string[];
}

export function SitePages({ session, place }: SitePagesProperties): VNode {
  const [id, part] = place;
  if (id === undefined) return html`<${SiteList} session=${session} />`;
  return html`<${SiteDetail} key=${id} session=${session} id=${id} isQuarantine=${part === 'quarantine'} />`;
}

function SiteList({ session }: { readonly session: Session }): VNode {
  const sites = useLoaded<readonly SeenSite[]>('/api/sites');
  const [isMaking, setMaking] = useState(false);
  const teams = managedTeams(session);
  const nameOf = (id: string): string => session.teams.find((team) => team.id === id)?.name ?? 'another team';

  return html`
    <${Heading} title="Sites">
      ${teams.length > 0 && html`<button type="button" class="main" onClick=${() => setMaking(true)}>New site</button>`}
    </${Heading}>
    ${isMaking && html`<${NewSite} teams=${teams} onClose=${() => setMaking(false)} />`}
    <${Shown} state=${sites.state} onRetry=${sites.reload}>
      ${(body: readonly SeenSite[]) =>
        body.length === 0
          ? html`<${Empty}><p><strong>You see no site.</strong> A site is a domain that records belong to.</p></${Empty}>`
          : html`
              <table>
                <caption class="hidden">Sites</caption>
                <thead>
                  <tr>
                    <th scope="col">Domain</th>
                    <th scope="col">Your role</th>
                    <th scope="col" class="wide">Team</th>
                    <th scope="col" class="wide">Since</th>
                  </tr>
                </thead>
                <tbody>
                  ${body.map(
                    (site) => html`
                      <tr key=${site.id}>
                        <th scope="row"><a href=${`#/sites/${site.id}`}>${site.domain}</a></th>
                        <td>${site.role ?? html`<span class="quiet">may see it</span>`}</td>
                        <td class="wide">${nameOf(site.team_id)}</td>
                        <td class="wide">${printTime(site.created_at)}</td>
                      </tr>
                    `,
                  )}
                </tbody>
              </table>
            `}
    </${Shown}>
  `;
}

interface NewSiteProperties {
  readonly teams: readonly { readonly id: string; readonly name: string }[];
  readonly onClose: () => void;
}

function NewSite({ teams, onClose }: NewSiteProperties): VNode {
  const [problem, setProblem] = useState<Problem | null>(null);

  async function create(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body = { domain: readField(form, 'domain'), team_id: readField(form, 'team_id') };
    const answer = await ask<Site>('POST', '/api/sites', { body });
    if (answer.isGood) goTo(`/sites/${answer.body.id}`);
    else setProblem(answer.problem);
  }

  return html`
    <${Dialog} title="New site" onClose=${onClose}>
      <form onSubmit=${create}>
        <${Trouble} problem=${exceptFields(problem, ['domain'])} />
        <${Field} name="domain" label="Domain" advice="Such as example.com; www. makes no difference." problem=${problem}>
          ${(attributes: object) => html`<input required autocomplete="off" spellcheck=${false} ...${attributes} />`}
        </${Field}>
        <${Field} name="team_id" label="Team" problem=${problem}>
          ${(attributes: object) => html`
            <select ...${attributes}>
              ${teams.map((team) => html`<option key=${team.id} value=${team.id}>${team.name}</option>`)}
            </select>
          `}
        </${Field}>
        <div class="actions">
          <button type="submit" class="main">Create</button>
          <button type="button" onClick=${onClose}>Cancel</button>
        </div>
      </form>
    </${Dialog}>
  `;
}

interface SiteDetailProperties {
  readonly session: Session;
  readonly id: string;
  readonly isQuarantine: boolean;
}

function SiteDetail({ session, id, isQuarantine }: SiteDetailProperties): VNode {
  const site = useLoaded<SeenSite>(`/api/sites/${id}`);
  const place = `#/sites/${id}`;
  return html`
    <p class="path"><a href="#/sites">Sites</a></p>
    <${Shown} state=${site.state} onRetry=${site.reload} isPage=${true}>
      ${(one: SeenSite) => html`
        <${Heading} title=${one.domain} />
        ${
          one.role !== 'owner' && one.role !== 'admin'
            ? html`<p class="quiet">Your role here is ${one.role ?? 'to see it'}: members and quarantine are for owners and admins.</p>`
            : html`
              <div class="bar"><nav class="tabs" aria-label="Of this site">
                <a href=${place} aria-current=${isQuarantine ? null : 'page'}>Members</a>
                <a href=${`${place}/quarantine`} aria-current=${isQuarantine ? 'page' : null}>Quarantine</a>
              </nav></div>
              ${
                isQuarantine
                  ? html`<${Quarantine} siteId=${id} />`
                  : html`<${SiteMembers} site=${one} session=${session} />`
              }
            `
        }
      `}
    </${Shown}>
  `;
}

function SiteMembers({ site, session }: { readonly site: SeenSite; readonly session: Session }): VNode {
  const isMember = session.teams.some((team) => team.id === site.team_id);
  return html`
    <${Members}
      path=${`/api/sites/${site.id}/members`}
      roles=${['owner', 'admin', 'editor', 'viewer']}
      candidatesPath=${isMember ? `/api/user/teams/${site.team_id}/members` : null}
      advice="Only members of the site’s team. Owners and admins of the team need no role here."
      empty="Nobody has a role of their own on this site."
      selfId=${session.id}
      onChanged=${() => undefined}
    />
  `;
}
