/** What doctor says of one thing: fine, worth a look, or broken, in plain words; and what to do. */
export interface Finding {
  readonly about: string;
  readonly state: 'ok' | 'warning' | 'error';
  readonly says: string;
}

export const ok = (about: string, says: string): Finding => ({ about, state: 'ok', says });
export const warning = (about: string, says: string): Finding => ({ about, state: 'warning', says });
export const error = (about: string, says: string): Finding => ({ about, state: 'error', says });
