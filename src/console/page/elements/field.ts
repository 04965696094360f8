/** A labelled field of a form, with its advice and, when the API refused it, the reason. */
import type { Problem } from '../base/api.ts';
import { html, type ComponentChildren, type VNode } from '../base/view.ts';

export interface FieldProperties {
  /** As the API names it, so that its problems find their place. */
  readonly name: string;
  readonly label: string;
  readonly advice?: string;
  readonly problem: Problem | null;
  /** Given what the control must carry. */
  readonly children: (attributes: object) => ComponentChildren;
}

export function Field({ name, label, advice, problem, children }: FieldProperties): VNode {
  const isWrong = isAbout(problem, name);
  const described = [advice === undefined ? '' : `${name}-advice`, isWrong ? `${name}-problem` : '']
    .filter(Boolean)
    .join(' ');
  const attributes = {
    id: name,
    name,
    ...(described === '' ? {} : { 'aria-describedby': described }),
    ...(isWrong ? { 'aria-invalid': 'true' } : {}),
  };
  return html`
    <div class="field">
      <label for=${name}>${label}</label>
      ${children(attributes)}
      ${advice !== undefined && html`<p class="advice" id=${`${name}-advice`}>${advice}</p>`}
      ${isWrong && html`<p class="wrong" role="alert" id=${`${name}-problem`}>${problem?.detail}</p>`}
    </div>
  `;
}

/** What a form was sent with, as text. */
export function readField(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

/** 'site_roles.0.role' is about 'site_roles'. */
export function isAbout(problem: Problem | null, name: string): boolean {
  return problem?.field?.split('.')[0] === name;
}

/** What none of the named fields shows. */
export function exceptFields(problem: Problem | null, names: readonly string[]): Problem | null {
  return names.some((name) => isAbout(problem, name)) ? null : problem;
}
