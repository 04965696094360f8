/** #/audit, #/audit/{team}: what was done, by whom, newest first, with what it was before and after. */
import { useLoaded } from '../base/load.ts';
import { isStaff, managedTeams, type Session } from '../base/session.ts';
import { printAgo, printTime } from '../base/time.ts';
import { html, useState, type VNode } from '../base/view.ts';
import { Empty, Heading, Shown } from '../elements/notice.ts';

interface Entry {
  readonly sequence: number;
  readonly created_at: string;
  readonly action: string;
  readonly actor_type: string;
  readonly actor_label: string | null;
  readonly target_type: string;
  readonly target_label: string | null;
  readonly before: object | null;
  readonly after: object | null;
  readonly ip: string | null;
  readonly user_agent: string | null;
}

interface Log {
  readonly place: string;
  readonly name: string;
  readonly path: string;
}

const PAGE_ENTRIES = 50;

export function AuditPage({
  session,
  place,
}: {
  readonly session: Session;
  readonly place: readonly string[];
}): VNode {
  const logs = listLogs(session);
  const log = logs.find((one) => one.place === (place[0] ?? '')) ?? logs[0];
  return html`
    <${Heading} title="Audit log" />
    ${log === undefined && html`<${Empty}><p>The log is for those who manage a team, or the instance.</p></${Empty}>`}
    ${
      log !== undefined &&
      html`
        <div class="bar"><nav class="tabs" aria-label="Whose log">
          ${logs.map((one) => html`<a key=${one.place} href=${`#/audit/${one.place}`} aria-current=${one === log ? 'page' : null}>${one.name}</a>`)}
        </nav></div>
        <${Entries} key=${log.path} first=${`${log.path}?limit=${PAGE_ENTRIES}`} />
      `
    }
  `;
}

function listLogs(session: Session): readonly Log[] {
  return [
    ...(isStaff(session) ? [{ place: '', name: 'Instance', path: '/api/audit' }] : []),
    ...managedTeams(session).map(({ id, name }) => ({
      place: id,
      name,
      path: `/api/user/teams/${id}/audit`,
    })),
  ];
}

function Entries({ first }: { readonly first: string }): VNode {
  const [path, setPath] = useState(first);
  const entries = useLoaded<readonly Entry[]>(path);
  const next = entries.state.kind === 'loaded' ? entries.state.next : null;
  return html`
    <${Shown} state=${entries.state} onRetry=${entries.reload}>
      ${(body: readonly Entry[]) => (body.length === 0 ? html`<${Empty}><p>Nothing yet.</p></${Empty}>` : html`<${Table} entries=${body} />`)}
    </${Shown}>
    <div class="pager">
      ${path !== first && html`<button type="button" onClick=${() => setPath(first)}>Newest</button>`}
      ${next !== null && html`<button type="button" onClick=${() => setPath(next)}>Older</button>`}
    </div>
  `;
}

function Table({ entries }: { readonly entries: readonly Entry[] }): VNode {
  return html`
    <table>
      <caption class="hidden">What was done</caption>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">What</th>
          <th scope="col" class="wide">By whom</th>
          <th scope="col" class="wide">From</th>
        </tr>
      </thead>
      <tbody>
        ${entries.map((entry) => html`<${Row} key=${entry.sequence} entry=${entry} />`)}
      </tbody>
    </table>
  `;
}

function Row({ entry }: { readonly entry: Entry }): VNode {
  const { before, after } = entry;
  const who = entry.actor_label ?? entry.actor_type;
  return html`
    <tr>
      <td class="narrow"><time datetime=${entry.created_at} title=${printTime(entry.created_at)}>${printAgo(entry.created_at)}</time></td>
      <td>
        <code>${entry.action}</code> ${entry.target_label ?? ''}
        <div class="quiet narrowed">by ${who}</div>
        ${
          (before !== null || after !== null) &&
          html`
            <details>
              <summary>before and after</summary>
              <pre tabindex="0">${JSON.stringify({ before, after }, null, 2)}</pre>
            </details>
          `
        }
      </td>
      <td class="wide who">${who}</td>
      <td class="wide">${entry.ip ?? '—'} <div class="quiet line" title=${entry.user_agent}>${entry.user_agent ?? ''}</div></td>
    </tr>
  `;
}
