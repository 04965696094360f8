/** Views: functions from properties to elements. Text is always text: nothing in a template is read as markup. */
import htm from 'htm';
import { h, type ComponentChildren, type VNode } from 'preact';

export { render } from 'preact';
export { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
export type { ComponentChildren, VNode };

export const html = htm.bind(h) as (strings: TemplateStringsArray, ...values: readonly unknown[]) => VNode;

/** Said to those who hear the page instead of seeing it. */
export function announce(text: string): void {
  const live = document.querySelector('#live');
  if (live !== null) live.textContent = text;
}
