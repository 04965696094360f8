/** A new token, shown this once: to copy, and in a line that sends a record with it. */
import { recordsBase } from '../base/api.ts';
import { html, type VNode } from '../base/view.ts';
import { Copyable } from '../elements/copy.ts';
import { Dialog } from '../elements/dialog.ts';
import { isWriter, type Client, type Receipt, type Site } from './client.ts';
import { domainsOf } from './list.ts';

export interface Issued {
  readonly client: Client;
  readonly token: string;
  /** Of the old token, when there was one. */
  readonly receipt?: Receipt;
}

export interface NewTokenProperties {
  readonly issued: Issued;
  readonly sites: readonly Site[];
  readonly onClose: () => void;
}

export function NewToken({ issued, sites, onClose }: NewTokenProperties): VNode {
  const { client, token } = issued;
  const grant = client.site_roles.find((one) => isWriter(one));
  const domain = grant === undefined ? undefined : domainsOf(sites).get(grant.site_id);
  return html`
    <${Dialog} title=${`Token of ${client.name}`} isModalOnly=${true} onClose=${onClose}>
      <p>It is shown only now: Sluice keeps nothing but its hash. Put it where secrets are kept.</p>
      <${Copyable} label="Token" text=${token} />
      ${
        domain === undefined
          ? html`<p class="quiet">It may write to no site yet.</p>`
          : html`
            <p>This sends a pageview of ${domain}:</p>
            <${Copyable} label="curl line" text=${printCurl(token, domain)} />
          `
      }
      <div class="actions"><button type="button" class="main" onClick=${onClose}>I have it</button></div>
    </${Dialog}>
  `;
}

function printCurl(token: string, domain: string): string {
  const record = {
    url: `https://${domain}/hello`,
    timestamp: new Date().toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0',
  };
  return [
    `curl -i ${recordsBase()}/api/ingest/server/pageview`,
    `-H 'Authorization: Bearer ${token}'`,
    `-d '${JSON.stringify(record)}'`,
  ].join(' \\\n  ');
}
