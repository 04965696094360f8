/** The members of a team or of a site: listed, added, their roles changed, removed. */
import { ask, type Answer, type Problem } from '../base/api.ts';
import { useLoaded } from '../base/load.ts';
import { announce, html, useState, type VNode } from '../base/view.ts';
import { exceptFields, Field, readField } from '../elements/field.ts';
import { Empty, Shown, Trouble } from '../elements/notice.ts';

export interface Member {
  readonly user_id: string;
  readonly email: string;
  readonly role: string;
}

export interface MembersProperties {
  /** Of the list in the API. */
  readonly path: string;
  readonly roles: readonly string[];
  /** Of those who can be added; null: they are named by id. */
  readonly candidatesPath: string | null;
  readonly advice: string;
  readonly empty: string;
  readonly selfId: string;
  /** Of what oneself is. */
  readonly onChanged: () => void;
}

export function Members(properties: MembersProperties): VNode {
  const { path, empty, selfId, onChanged } = properties;
  const members = useLoaded<readonly Member[]>(path);
  const [problem, setProblem] = useState<Problem | null>(null);

  function settle(answer: Answer<unknown>, said: string, isSelf: boolean): void {
    setProblem(answer.isGood ? null : answer.problem);
    if (answer.isGood) announce(said);
    members.reload();
    if (answer.isGood && isSelf) onChanged();
  }

  async function set(member: Member, role: string): Promise<void> {
    const answer = await ask('PUT', `${path}/${member.user_id}`, { body: { role } });
    settle(answer, `${member.email} is ${role}`, member.user_id === selfId);
  }

  async function remove(member: Member): Promise<void> {
    const answer = await ask('DELETE', `${path}/${member.user_id}`);
    settle(answer, `${member.email} is removed`, member.user_id === selfId);
  }

  return html`
    <${Trouble} problem=${problem} />
    <${Shown} state=${members.state} onRetry=${members.reload}>
      ${(body: readonly Member[]) => html`
        ${body.length === 0 && html`<${Empty}><p>${empty}</p></${Empty}>`}
        ${body.length > 0 && html`<${MemberTable} ...${properties} members=${body} onSet=${set} onRemove=${remove} />`}
        <${Addition} ...${properties} members=${body} onAdded=${members.reload} />
      `}
    </${Shown}>
  `;
}

interface MemberTableProperties extends MembersProperties {
  readonly members: readonly Member[];
  readonly onSet: (member: Member, role: string) => void;
  readonly onRemove: (member: Member) => void;
}

function MemberTable({ members, roles, selfId, onSet, onRemove }: MemberTableProperties): VNode {
  return html`
    <table>
      <caption class="hidden">Members</caption>
      <thead><tr><th scope="col">Person</th><th scope="col">Role</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
      <tbody>
        ${members.map(
          (member) => html`
            <tr key=${`${member.user_id} ${member.role}`}>
              <th scope="row">${member.email}${member.user_id === selfId && html` <span class="quiet">you</span>`}</th>
              <td>
                <select
                  aria-label=${`Role of ${member.email}`}
                  value=${member.role}
                  onChange=${(event: Event) => onSet(member, (event.currentTarget as HTMLSelectElement).value)}
                >
                  ${roles.map((role) => html`<option key=${role} value=${role}>${role}</option>`)}
                </select>
              </td>
              <td class="end">
                <button type="button" class="plain" aria-label=${`Remove ${member.email}`} onClick=${() => onRemove(member)}>Remove</button>
              </td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  `;
}

interface AdditionProperties extends MembersProperties {
  readonly members: readonly Member[];
  readonly onAdded: () => void;
}

function Addition({ path, roles, candidatesPath, advice, members, onAdded }: AdditionProperties): VNode {
  const [problem, setProblem] = useState<Problem | null>(null);
  const candidates = useLoaded<readonly Member[]>(candidatesPath);
  const listed = candidates.state.kind === 'loaded' ? candidates.state.body : [];
  const free = listed.filter((one) => !members.some((member) => member.user_id === one.user_id));

  async function add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const element = event.currentTarget as HTMLFormElement;
    const form = new FormData(element);
    const who = readField(form, 'user_id').trim();
    const named = who.includes('@') ? { email: who } : { user_id: who };
    const answer = await ask<Member>('POST', path, { body: { ...named, role: readField(form, 'role') } });
    setProblem(answer.isGood ? null : answer.problem);
    if (!answer.isGood) return;
    announce('Added');
    element.reset();
    onAdded();
  }

  return html`
    <h2 class="apart">Add somebody</h2>
    <form onSubmit=${add}>
      <${Trouble} problem=${exceptFields(problem, ['user_id'])} />
      <${Field} name="user_id" label="Person" advice=${advice} problem=${problem}>
        ${(attributes: object) =>
          candidatesPath === null
            ? html`<input required autocomplete="off" spellcheck=${false} ...${attributes} />`
            : html`<select required ...${attributes}>${free.map((one) => html`<option key=${one.user_id} value=${one.user_id}>${one.email}</option>`)}</select>`}
      </${Field}>
      <${Field} name="role" label="Role" problem=${problem}>
        ${(attributes: object) => html`
          <select ...${attributes} defaultValue=${roles.at(-1)}>
            ${roles.map((role) => html`<option key=${role} value=${role} selected=${role === roles.at(-1)}>${role}</option>`)}
          </select>
        `}
      </${Field}>
      <button type="submit" disabled=${candidatesPath !== null && free.length === 0}>Add</button>
    </form>
  `;
}
