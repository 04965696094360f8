/** The console as a whole: nobody is signed in, and it shows a form; or somebody is, and it shows a page of theirs. */
import { ask, onSignedOut, type Problem } from './base/api.ts';
import { usePlace } from './base/place.ts';
import { isStaff, type Session } from './base/session.ts';
import { html, useCallback, useEffect, useState, type ComponentChildren, type VNode } from './base/view.ts';
import { ClientPages } from './clients/pages.ts';
import { Trouble } from './elements/notice.ts';
import { GatewayPage } from './gateway/gateway.ts';
import { AuditPage } from './places/audit.ts';
import { SitePages } from './places/sites.ts';
import { TeamPages } from './places/teams.ts';
import { SignIn } from './sign-in.ts';

type State =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unreachable'; readonly problem: Problem }
  | { readonly kind: 'signed-out'; readonly isEnded: boolean }
  | { readonly kind: 'signed-in'; readonly session: Session };

export function App(): VNode {
  const [state, setState] = useState<State>({ kind: 'unknown' });

  const look = useCallback(async (): Promise<void> => {
    const answer = await ask<Session>('GET', '/api/user');
    if (answer.isGood) setState({ kind: 'signed-in', session: answer.body });
    else if (answer.problem.code !== 'not_signed_in')
      setState({ kind: 'unreachable', problem: answer.problem });
  }, []);

  useEffect(() => {
    const leave = (): void =>
      setState((before) => ({ kind: 'signed-out', isEnded: before.kind === 'signed-in' }));
    const forget = onSignedOut(leave);
    void look();
    return forget;
  }, []);

  async function signOut(): Promise<void> {
    await ask('POST', '/api/auth/logout');
    setState({ kind: 'signed-out', isEnded: false });
  }

  switch (state.kind) {
    case 'unknown':
      return html`<p class="waiting" role="status">Loading…</p>`;
    case 'unreachable':
      return html`<main class="alone"><h1>Sluice</h1><${Trouble} problem=${state.problem} onRetry=${look} /></main>`;
    case 'signed-out':
      return html`<${SignIn} isEnded=${state.isEnded} onSignedIn=${look} />`;
    case 'signed-in':
      return html`<${Frame} session=${state.session} onSignOut=${signOut} onChanged=${look} />`;
  }
}

export interface FrameProperties {
  readonly session: Session;
  readonly onSignOut: () => void;
  /** The teams that one is in have changed. */
  readonly onChanged: () => Promise<void>;
}

function Frame({ session, onSignOut, onChanged }: FrameProperties): VNode {
  useRenewal();
  const place = usePlace();
  const [page = 'clients', ...rest] = place;
  const pages = listPages(session);
  const shown = pages.find((one) => one.name === page) ?? pages[0];
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header>
      <a class="brand" href="#/clients">Sluice</a>
      <nav aria-label="Pages">
        ${pages.map(
          (one) => html`
            <a key=${one.name} href=${`#/${one.name}`} aria-current=${one === shown ? 'page' : null}>${one.title}</a>
          `,
        )}
      </nav>
      <div class="self">
        <span title="Signed in as">${session.email}</span>
        <button type="button" class="plain" onClick=${onSignOut}>Sign out</button>
      </div>
    </header>
    <main id="main" tabindex="-1">${shown?.show(rest, onChanged)}</main>
  `;
}

const RENEWAL_MS = 60_000;

/** A session lives by use, and reading or writing without asking the API is use as well; an open window is not. */
function useRenewal(): void {
  useEffect(() => {
    let askedAtMs = performance.now();
    const renew = (): void => {
      if (performance.now() - askedAtMs < RENEWAL_MS) return;
      askedAtMs = performance.now();
      void ask('GET', '/api/user');
    };
    addEventListener('pointerdown', renew);
    addEventListener('keydown', renew);
    return () => {
      removeEventListener('pointerdown', renew);
      removeEventListener('keydown', renew);
    };
  }, []);
}

/** The address behind '#' is the page's: the browser must not follow this link. */
function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#main')?.focus();
}

interface Page {
  readonly name: string;
  readonly title: string;
  readonly show: (place: readonly string[], onChanged: () => Promise<void>) => ComponentChildren;
}

function listPages(session: Session): readonly Page[] {
  const pages: readonly Page[] = [
    {
      name: 'clients',
      title: 'Clients',
      show: (place) => html`<${ClientPages} session=${session} place=${place} />`,
    },
    {
      name: 'sites',
      title: 'Sites',
      show: (place) => html`<${SitePages} session=${session} place=${place} />`,
    },
    {
      name: 'teams',
      title: 'Teams',
      show: (place, onChanged) =>
        html`<${TeamPages} session=${session} place=${place} onChanged=${onChanged} />`,
    },
    {
      name: 'audit',
      title: 'Audit',
      show: (place) => html`<${AuditPage} session=${session} place=${place} />`,
    },
  ];
  if (!isStaff(session)) return pages;
  return [...pages, { name: 'gateway', title: 'Gateway', show: () => html`<${GatewayPage} />` }];
}
