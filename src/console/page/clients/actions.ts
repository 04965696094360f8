/** Rolling a client's token, revoking it, bringing it back, deleting it. Each asks before it is done. */
import { ask, createRequestKey, type Problem } from '../base/api.ts';
import { goTo } from '../base/place.ts';
import { announce, html, useState, type ComponentChildren, type VNode } from '../base/view.ts';
import { Dialog } from '../elements/dialog.ts';
import { Trouble } from '../elements/notice.ts';
import { contentOf, stateOf, type Client, type Owner, type Receipt, type Site } from './client.ts';
import type { Ended } from './receipt.ts';
import { NewToken, type Issued } from './token.ts';

export interface ClientActionsProperties {
  readonly owner: Owner;
  readonly client: Client;
  readonly etag: string | null;
  readonly sites: readonly Site[];
  readonly onChanged: () => void;
  readonly onEnded: (ended: Ended) => void;
}

type Asked = 'roll' | 'revoke' | 'restore' | 'delete' | null;

export function ClientActions(properties: ClientActionsProperties): VNode {
  const { owner, client, sites, onChanged, onEnded } = properties;
  const [asked, setAsked] = useState<Asked>(null);
  const [issued, setIssued] = useState<Issued | null>(null);
  const state = stateOf(client);
  const button = (name: Exclude<Asked, null>, label: string) =>
    html`<button type="button" class=${name === 'revoke' || name === 'delete' ? 'danger' : ''} onClick=${() => setAsked(name)}>${label}</button>`;

  function roll(done: Issued): void {
    setAsked(null);
    setIssued(done);
    const what = done.client.previous_token_expires_at === undefined ? 'rolled' : 'graceful';
    if (done.receipt !== undefined) onEnded({ receipt: done.receipt, what });
    onChanged();
  }

  return html`
    <div class="actions spaced">
      <a class="button" href=${`#/clients/${owner.place}/${client.id}/edit`}>Change</a>
      ${state === 'active' && button('roll', 'Roll the token')}
      ${client.revoked_at === undefined ? button('revoke', 'Revoke') : button('restore', 'Bring back')}
      ${button('delete', 'Delete')}
    </div>
    ${asked === 'roll' && html`<${Roll} ...${properties} onRolled=${roll} onClose=${() => setAsked(null)} />`}
    ${asked !== null && asked !== 'roll' && html`<${Ending} ...${properties} what=${asked} onClose=${() => setAsked(null)} />`}
    ${issued !== null && html`<${NewToken} issued=${issued} sites=${sites} onClose=${() => setIssued(null)} />`}
  `;
}

const GRACES: readonly (readonly [number, string])[] = [
  [0, 'at once'],
  [300, 'in 5 minutes'],
  [3600, 'in 1 hour'],
  [86_400, 'in 24 hours'],
];

interface RollProperties extends ClientActionsProperties {
  readonly onRolled: (issued: Issued) => void;
  readonly onClose: () => void;
}

function Roll({ owner, client, onRolled, onClose }: RollProperties): VNode {
  const [grace, setGrace] = useState(0);
  const [key] = useState(createRequestKey);

  async function roll(): Promise<Problem | null> {
    const answer = await ask<Issued>('POST', `${owner.path}/${client.id}/rotate`, {
      body: { grace_seconds: grace },
      headers: { 'Idempotency-Key': `${key}-${grace}` },
    });
    if (!answer.isGood) return answer.problem;
    onRolled(answer.body);
    return null;
  }

  return html`
    <${Question} title="Roll the token" verb="Roll" onConfirm=${roll} onClose=${onClose}>
      <p><strong>${client.name}</strong> gets a new token, shown once.</p>
      <label class="field">When the old one ends
        <select value=${grace} onChange=${(event: Event) => setGrace(Number((event.currentTarget as HTMLSelectElement).value))}>
          ${GRACES.map(([seconds, label]) => html`<option key=${seconds} value=${seconds}>${label}</option>`)}
        </select>
      </label>
    </${Question}>
  `;
}

const ENDINGS = {
  revoke: {
    title: 'Revoke the client',
    verb: 'Revoke',
    text: 'Its token is refused by every gateway from now on. The client stays in the list, and can be brought back.',
  },
  restore: {
    title: 'Bring the client back',
    verb: 'Bring back',
    text: 'The same token is good again, for whoever has it. If it may have leaked, roll it instead.',
  },
  delete: {
    title: 'Delete the client',
    verb: 'Delete',
    text: 'Its token is refused from now on, and the client is gone for good. What it has sent stays.',
  },
} as const;

interface EndingProperties extends ClientActionsProperties {
  readonly what: keyof typeof ENDINGS;
  readonly onClose: () => void;
}

function Ending({ owner, client, etag, what, onChanged, onEnded, onClose }: EndingProperties): VNode {
  const { title, verb, text } = ENDINGS[what];
  const path = `${owner.path}/${client.id}`;
  const guard = etag === null ? {} : { 'If-Match': etag };

  async function remove(): Promise<Problem | null> {
    const answer = await ask('DELETE', path, { headers: guard });
    if (!answer.isGood) return answer.problem;
    announce(`${client.name} is deleted`);
    goTo(`/clients/${owner.place}`);
    return null;
  }

  async function setRevoked(): Promise<Problem | null> {
    const body = { ...contentOf(client, owner), revoked: what === 'revoke' };
    const answer = await ask<{ readonly receipt?: Receipt }>('PUT', path, { body, headers: guard });
    if (!answer.isGood) return answer.problem;
    const { receipt } = answer.body;
    if (receipt !== undefined) onEnded({ receipt, what: 'revoked' });
    onChanged();
    onClose();
    return null;
  }

  return html`
    <${Question} title=${title} verb=${verb} isDanger=${what !== 'restore'} onConfirm=${what === 'delete' ? remove : setRevoked} onClose=${onClose}>
      <p><strong>${client.name}</strong></p>
      <p>${text}</p>
    </${Question}>
  `;
}

interface QuestionProperties {
  readonly title: string;
  readonly verb: string;
  readonly isDanger?: boolean;
  /** Resolves with why it was not done. */
  readonly onConfirm: () => Promise<Problem | null>;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

function Question({ title, verb, isDanger, onConfirm, onClose, children }: QuestionProperties): VNode {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function confirm(): Promise<void> {
    setBusy(true);
    const refused = await onConfirm();
    setProblem(refused);
    setBusy(false);
  }

  return html`
    <${Dialog} title=${title} onClose=${onClose}>
      ${children}
      <${Trouble} problem=${problem} />
      <div class="actions">
        <button type="button" class=${isDanger === true ? 'danger main' : 'main'} disabled=${isBusy} onClick=${confirm}>${verb}</button>
        <button type="button" onClick=${onClose}>Cancel</button>
      </div>
    </${Dialog}>
  `;
}
