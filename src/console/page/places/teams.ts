/** #/teams: the teams one is in; #/teams/{id}: its members. */
import { ask, type Problem } from '../base/api.ts';
import { goTo } from '../base/place.ts';
import { isStaff, type Session, type TeamOfMine } from '../base/session.ts';
import { html, useState, type VNode } from '../base/view.ts';
import { Copyable } from '../elements/copy.ts';
import { Dialog } from '../elements/dialog.ts';
import { exceptFields, Field, readField } from '../elements/field.ts';
import { Empty, Heading, Trouble } from '../elements/notice.ts';
import { Members } from './members.ts';

export interface TeamPagesProperties {
  readonly session: Session;
  readonly place: readonly string[];
  /** The teams that one is in have changed. */
  readonly onChanged: () => Promise<void>;
}

export function TeamPages({ session, place, onChanged }: TeamPagesProperties): VNode {
  const team = session.teams.find((one) => one.id === place[0]);
  return team === undefined
    ? html`<${TeamList} session=${session} onChanged=${onChanged} />`
    : html`<${TeamDetail} key=${team.id} team=${team} session=${session} onChanged=${onChanged} />`;
}

type TeamListProperties = Pick<TeamPagesProperties, 'session' | 'onChanged'>;

function TeamList({ session, onChanged }: TeamListProperties): VNode {
  const [isMaking, setMaking] = useState(false);
  return html`
    <${Heading} title="Teams">
      ${isStaff(session) && html`<button type="button" class="main" onClick=${() => setMaking(true)}>New team</button>`}
    </${Heading}>
    ${isMaking && html`<${NewTeam} onChanged=${onChanged} onClose=${() => setMaking(false)} />`}
    ${session.teams.length === 0 && html`<${Empty}><p><strong>You are in no team.</strong> Give the id below to somebody who manages one.</p></${Empty}>`}
    ${
      session.teams.length > 0 &&
      html`
        <table>
          <caption class="hidden">Teams</caption>
          <thead><tr><th scope="col">Name</th><th scope="col">Your role</th></tr></thead>
          <tbody>
            ${session.teams.map(
              (team) => html`
                <tr key=${team.id}><th scope="row"><a href=${`#/teams/${team.id}`}>${team.name}</a></th><td>${team.role}</td></tr>
              `,
            )}
          </tbody>
        </table>
      `
    }
    <h2 class="apart">Your id</h2>
    <p class="quiet">Whoever manages a team adds you to it by this.</p>
    <${Copyable} label="Your id" text=${session.id} />
  `;
}

interface NewTeamProperties {
  readonly onChanged: () => Promise<void>;
  readonly onClose: () => void;
}

function NewTeam({ onChanged, onClose }: NewTeamProperties): VNode {
  const [problem, setProblem] = useState<Problem | null>(null);

  async function create(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const answer = await ask<TeamOfMine>('POST', '/api/user/teams', {
      body: { name: readField(form, 'name') },
    });
    if (!answer.isGood) {
      setProblem(answer.problem);
      return;
    }
    await onChanged();
    goTo(`/teams/${answer.body.id}`);
  }

  return html`
    <${Dialog} title="New team" onClose=${onClose}>
      <form onSubmit=${create}>
        <${Trouble} problem=${exceptFields(problem, ['name'])} />
        <${Field} name="name" label="Name" problem=${problem}>
          ${(attributes: object) => html`<input required maxlength="120" autocomplete="off" ...${attributes} />`}
        </${Field}>
        <div class="actions">
          <button type="submit" class="main">Create</button>
          <button type="button" onClick=${onClose}>Cancel</button>
        </div>
      </form>
    </${Dialog}>
  `;
}

function TeamDetail({ team, session, onChanged }: TeamListProperties & { readonly team: TeamOfMine }): VNode {
  const isOwner = session.instance_role === 'owner';
  return html`
    <p class="path"><a href="#/teams">Teams</a></p>
    <${Heading} title=${team.name}>
      ${team.role !== 'member' && html`<a class="button" href=${`#/clients/${team.id}`}>Its clients</a>`}
    </${Heading}>
    <${Members}
      path=${`/api/user/teams/${team.id}/members`}
      roles=${['owner', 'admin', 'member']}
      candidatesPath=${null}
      advice=${isOwner ? 'The id, or the e-mail address.' : 'The id, which that person finds under Teams.'}
      empty="Nobody."
      selfId=${session.id}
      onChanged=${onChanged}
    />
  `;
}
