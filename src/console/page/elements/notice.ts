/** What a page says about itself: its heading, that it is loading, that there is nothing, that something is wrong. */
import type { Problem } from '../base/api.ts';
import type { Loaded } from '../base/load.ts';
import { html, useEffect, useRef, type ComponentChildren, type VNode } from '../base/view.ts';

/** The page's one heading: names the window, and takes the focus when one has come from another page. */
export function Heading(properties: {
  readonly title: string;
  readonly children?: ComponentChildren;
}): VNode {
  const { title, children } = properties;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // The first page has come from nowhere: the browser's own place is right.
    if (document.title !== 'Sluice') heading.current?.focus();
    document.title = `${title} · Sluice`;
  }, [title]);
  return html`
    <div class="heading">
      <h1 tabindex="-1" ref=${heading}>${title}</h1>
      <div class="actions">${children}</div>
    </div>
  `;
}

export function Trouble(properties: {
  readonly problem: Problem | null;
  readonly onRetry?: () => void;
}): VNode | null {
  const { problem, onRetry } = properties;
  if (problem === null) return null;
  return html`
    <div class="trouble" role="alert">
      <p><strong>${problem.title}.</strong> ${problem.detail} <code>${problem.code}</code></p>
      ${onRetry !== undefined && html`<button type="button" onClick=${onRetry}>Try again</button>`}
    </div>
  `;
}

export function Empty(properties: { readonly children: ComponentChildren }): VNode {
  return html`<div class="empty">${properties.children}</div>`;
}

/** Shows what was loaded, or why there is nothing to show yet. */
export function Shown<T>(properties: {
  readonly state: Loaded<T>;
  readonly onRetry: () => void;
  /** It is all that the page is about: its heading comes with it, or says why there is none. */
  readonly isPage?: boolean;
  readonly children: (body: T) => ComponentChildren;
}): ComponentChildren {
  const { state, onRetry, isPage = false, children } = properties;
  switch (state.kind) {
    case 'loading':
      return html`<p class="waiting" role="status">Loading…</p>`;
    case 'failed':
      return html`
        ${isPage && html`<${Heading} title=${state.problem.title} />`}
        <${Trouble} problem=${state.problem} onRetry=${onRetry} />
      `;
    case 'loaded':
      return children(state.body);
  }
}
