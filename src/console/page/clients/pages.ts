/** #/clients/{owner}, …/new, …/{id} and …/{id}/edit. */
import type { Session } from '../base/session.ts';
import { html, type VNode } from '../base/view.ts';
import { listOwners } from './client.ts';
import { ClientDetail } from './detail.ts';
import { ChangedClient, NewClient } from './change/form.ts';
import { ClientList } from './list.ts';

export function ClientPages(properties: {
  readonly session: Session;
  readonly place: readonly string[];
}): VNode {
  const { session, place } = properties;
  const owners = listOwners(session);
  const [ownerPlace, id, isEdit] = place;
  // Where nobody is named: a team's clients are those that records come by.
  const owner =
    owners.find((one) => one.place === ownerPlace) ?? owners.find((one) => one.teamId !== null) ?? owners[0];
  if (owner === undefined) return html``;
  const key = `${owner.place}/${id ?? ''}`;
  if (id === 'new') return html`<${NewClient} key=${key} session=${session} owner=${owner} />`;
  if (id !== undefined && isEdit === 'edit')
    return html`<${ChangedClient} key=${`${key}/edit`} session=${session} owner=${owner} id=${id} />`;
  if (id !== undefined) return html`<${ClientDetail} key=${key} owner=${owner} id=${id} />`;
  return html`<${ClientList} key=${key} owners=${owners} owner=${owner} />`;
}
