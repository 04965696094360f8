/** What was taken for a site and could not be put where it belongs: the raw line or record, and why. */
import { useLoaded } from '../base/load.ts';
import { printAgo, printTime } from '../base/time.ts';
import { html, useState, type VNode } from '../base/view.ts';
import { Empty, Shown } from '../elements/notice.ts';

interface Kept {
  readonly id: string;
  readonly received_at: string;
  readonly kind: 'line' | 'record';
  readonly format: string;
  readonly reason: string;
  readonly line?: string;
  readonly record?: object;
}

export function Quarantine({ siteId }: { readonly siteId: string }): VNode {
  const first = `/api/sites/${siteId}/quarantine`;
  const [path, setPath] = useState(first);
  const kept = useLoaded<readonly Kept[]>(path);
  const next = kept.state.kind === 'loaded' ? kept.state.next : null;
  return html`
    <${Shown} state=${kept.state} onRetry=${kept.reload}>
      ${(body: readonly Kept[]) =>
        body.length === 0
          ? html`
              <${Empty}>
                <p><strong>Nothing is in quarantine.</strong> Lines of logs that nobody could read, and records that Postgres refused, are kept here.</p>
              </${Empty}>
            `
          : html`
              <p class="quiet apart">Nothing here is lost: <code>sluice quarantine retry</code> tries all of it again.</p>
              ${body.map((one) => html`<${Entry} key=${one.id} kept=${one} />`)}
            `}
    </${Shown}>
    <div class="pager">
      ${path !== first && html`<button type="button" onClick=${() => setPath(first)}>Newest</button>`}
      ${next !== null && html`<button type="button" onClick=${() => setPath(next)}>Older</button>`}
    </div>
  `;
}

function Entry({ kept }: { readonly kept: Kept }): VNode {
  const raw = kept.kind === 'line' ? (kept.line ?? '') : JSON.stringify(kept.record, null, 2);
  return html`
    <details class="kept">
      <summary>
        <span class="reason">${kept.reason}</span>
        <span class="quiet">${kept.kind} of ${kept.format}, </span>
        <time datetime=${kept.received_at} title=${printTime(kept.received_at)}>${printAgo(kept.received_at)}</time>
      </summary>
      <pre tabindex="0">${raw}</pre>
    </details>
  `;
}
