/** The form to sign in with. The password goes to the API and is kept nowhere. */
import { ask, type Problem } from './base/api.ts';
import { html, useState, type VNode } from './base/view.ts';
import { Field, readField } from './elements/field.ts';
import { Heading, Trouble } from './elements/notice.ts';

export interface SignInProperties {
  /** Somebody was signed in, and is no more. */
  readonly isEnded: boolean;
  readonly onSignedIn: () => Promise<void>;
}

export function SignIn({ isEnded, onSignedIn }: SignInProperties): VNode {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    const body = { email: readField(form, 'email'), password: readField(form, 'password') };
    const answer = await ask('POST', '/api/auth/login', { body });
    if (answer.isGood) await onSignedIn();
    else {
      setProblem(answer.problem);
      setBusy(false);
    }
  }

  const input = (type: string, complete: string) => (attributes: object) => html`
    <input type=${type} autocomplete=${complete} required maxlength="200" ...${attributes} />
  `;
  return html`
    <main class="alone">
      <p class="brand">Sluice</p>
      <${Heading} title="Sign in" />
      ${isEnded && problem === null && html`<p role="status">Your session has ended. Sign in again to go on.</p>`}
      <${Trouble} problem=${problem} />
      <form method="post" onSubmit=${send}>
        <${Field} name="email" label="E-mail address" problem=${null}>${input('email', 'username')}</${Field}>
        <${Field} name="password" label="Password" problem=${null}>${input('password', 'current-password')}</${Field}>
        <button type="submit" class="main" disabled=${isBusy}>${isBusy ? 'Signing in…' : 'Sign in'}</button>
      </form>
    </main>
  `;
}
