/**
 * The account of every client on this gateway, in records:
 *
 *   received = stored + duplicate + quarantined + rejected + skipped + waiting
 *
 * Each side is counted where it happens: a record is received when it is refused, skipped or appended to the journal, and
 * leaves `waiting` when the drain has put it where it belongs. The account is kept with the journal's stored mark, in one
 * file: after a crash it is that of the mark, and what the journal holds beyond it is nobody's until the drain has
 * written it, and then its client's. So no record is in two places at any moment.
 *
 * What was refused or skipped since the last mark before a crash, a second and at most ten, is forgotten on both sides.
 */
import { randomUUID } from 'node:crypto';
import type { ClientRows } from './batch.ts';

export interface Account {
  received: number;
  stored: number;
  duplicate: number;
  quarantined: number;
  rejected: number;
  skipped: number;
  waiting: number;
}

export interface Ledger {
  /** Names this gateway's data folder, whatever its host is called. */
  readonly nodeId: string;
  /** It is in the journal. */
  append(clientId: string): void;
  refuse(clientId: string, records: number): void;
  /** Not wanted: lines of logs that are no records, and what says that it must not be kept. */
  skip(clientId: string, records: number): void;
  /** Of the rows that are settled next: so many were there already. */
  readonly noteDuplicates: (clientId: string, rows: number) => void;
  /** Of the rows that are settled next: one was refused by Postgres, and is in quarantine. */
  noteQuarantined(clientId: string): void;
  /** These have left the journal. */
  settle(clients: readonly ClientRows[]): void;
  /** Those that have changed since they were last taken. */
  takeChanged(): ReadonlyMap<string, Account>;
  /** Takes them back: they could not be written down. */
  putBack(clientIds: Iterable<string>): void;
  accounts(): ReadonlyMap<string, Readonly<Account>>;
  /** All of it as text, for the next process. */
  print(): string;
}

interface Printed {
  readonly node: string;
  /** By client; what is not named is zero. */
  readonly accounts: Readonly<Record<string, Partial<Record<(typeof SETTLED)[number], number>>>>;
}

const SETTLED = ['stored', 'duplicate', 'quarantined', 'rejected', 'skipped'] as const;

/** `former`: what `print` gave at the journal's stored mark; '' = nothing is known. */
export function createLedger(former: string): Ledger {
  const { node, accounts: kept } = parse(former);
  const accounts = new Map<string, Account>();
  const changed = new Set<string>();
  /** Accounts as they were last printed: of many clients, few have changed since. */
  const printed = new Map<string, string>();
  const notes = { duplicate: new Map<string, number>(), quarantined: new Map<string, number>() };
  for (const [clientId, settled] of Object.entries(kept)) {
    const received = Object.values(settled).reduce((sum, count) => sum + count, 0);
    accounts.set(clientId, { ...createAccount(), ...settled, received });
    changed.add(clientId);
  }

  function change(clientId: string): Account {
    changed.add(clientId);
    const known = accounts.get(clientId);
    if (known !== undefined) return known;
    const account = createAccount();
    accounts.set(clientId, account);
    return account;
  }

  /** What changes in it is printed: all but what waits. */
  function settleIn(clientId: string): Account {
    printed.delete(clientId);
    return change(clientId);
  }

  function printAccount(clientId: string, account: Account): string {
    const known = printed.get(clientId);
    if (known !== undefined) return known;
    const counts = SETTLED.filter((name) => account[name] > 0).map((name) => `"${name}":${account[name]}`);
    const text = `${JSON.stringify(clientId)}:{${counts.join(',')}}`;
    printed.set(clientId, text);
    return text;
  }

  const readNote = (name: keyof typeof notes, clientId: string): number => notes[name].get(clientId) ?? 0;

  return {
    nodeId: node,
    append(clientId) {
      const account = change(clientId);
      account.received++;
      account.waiting++;
    },
    refuse(clientId, records) {
      const account = settleIn(clientId);
      account.received += records;
      account.rejected += records;
    },
    skip(clientId, records) {
      const account = settleIn(clientId);
      account.received += records;
      account.skipped += records;
    },
    noteDuplicates: (clientId, rows) => notes.duplicate.set(clientId, readNote('duplicate', clientId) + rows),
    noteQuarantined: (clientId) => notes.quarantined.set(clientId, readNote('quarantined', clientId) + 1),
    settle(clients) {
      for (const { clientId, rows, unread, recovered } of clients) {
        const account = settleIn(clientId);
        const duplicate = readNote('duplicate', clientId);
        const quarantined = unread + recovered.unread + readNote('quarantined', clientId);
        account.stored += rows + recovered.rows - quarantined - duplicate;
        account.duplicate += duplicate;
        account.quarantined += quarantined;
        account.received += recovered.rows;
        account.waiting -= rows;
      }
      notes.duplicate.clear();
      notes.quarantined.clear();
    },
    takeChanged() {
      const taken = new Map([...changed].map((clientId) => [clientId, { ...change(clientId) }]));
      changed.clear();
      return taken;
    },
    putBack(clientIds) {
      for (const clientId of clientIds) changed.add(clientId);
    },
    accounts: () => accounts,
    print() {
      const texts: string[] = [];
      for (const [clientId, account] of accounts) texts.push(printAccount(clientId, account));
      return `{"node":${JSON.stringify(node)},"accounts":{${texts.join(',')}}}`;
    },
  };
}

/** Nothing is missing, and nothing is there twice. */
export function isBalanced(account: Account): boolean {
  const { received, stored, duplicate, quarantined, rejected, skipped, waiting } = account;
  return received === stored + duplicate + quarantined + rejected + skipped + waiting && waiting >= 0;
}

function createAccount(): Account {
  return { received: 0, stored: 0, duplicate: 0, quarantined: 0, rejected: 0, skipped: 0, waiting: 0 };
}

/** Its checksum was right, so what cannot be read is from another release: the account begins anew. */
function parse(text: string): Printed {
  try {
    const { node, accounts } = JSON.parse(text) as Printed;
    if (typeof node === 'string' && typeof accounts === 'object') return { node, accounts };
  } catch {
    // Begins anew.
  }
  return { node: randomUUID(), accounts: {} };
}
