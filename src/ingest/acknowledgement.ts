/**
 * What a 202 waits for. `journal`: the record is on this disk. `postgres`: it is committed; when that takes too
 * long the record is still safe, so the answer is 202 naming `journal`, never an error for a record that is kept.
 * A record that is not on disk within the wait is answered with 503: it may or may not be kept, and sending it
 * again with the same id is harmless.
 */
import type { Append, Journal, Refused } from '../journal/journal.ts';
import { refuse, type Durability, type Refusal, type Verdict } from './verdict.ts';

export interface AcknowledgementValues {
  readonly durability: Durability;
  readonly ackWaitMs: number;
}

/** How long until the journal has room again, by the speed at which Postgres takes rows. */
export type SecondsUntilRoom = () => number;

export type Acknowledge = (prefer: string, receipt: Append) => Promise<Verdict>;

export function createAcknowledgement(
  values: AcknowledgementValues,
  journal: Journal,
  refuseAppend: RefuseAppend,
): Acknowledge {
  const syncedInTime = boundPerFrame(values.ackWaitMs);

  return async (prefer, receipt) => {
    if (receipt.kind === 'refused') return refuseAppend(receipt.reason);
    const preferred = prefer === '' ? null : readPreference(prefer);
    const isNamed = preferred !== null;
    const wanted = preferred ?? values.durability;
    if (wanted === 'postgres' && (await journal.stored(receipt.sequence, values.ackWaitMs)) === 'stored') {
      return { kind: 'accepted', durability: 'postgres', isNamed };
    }
    const synced = await syncedInTime(journal.synced(receipt.sequence));
    switch (synced) {
      case 'synced':
        return { kind: 'accepted', durability: 'journal', isNamed: isNamed || wanted === 'postgres' };
      case 'failed':
        return { ...refuseAppend('failed'), isAppended: true };
      case 'late':
        return {
          ...refuse(
            'journal_slow',
            `The record was not on disk within ${values.ackWaitMs} ms. Send it again with the same id.`,
          ),
          isAppended: true,
        };
    }
  };
}

/** RFC 7240: a list of preferences, each name=value; the first `durability` that is known counts. */
export function readPreference(prefer: string): Durability | null {
  const match = /(?:^|,)\s*durability\s*=\s*"?(journal|postgres)"?\s*(?:;[^,]*)?(?:,|$)/i.exec(prefer);
  return match === null ? null : (match[1]?.toLowerCase() as Durability);
}

/** One timer for all requests that wait for the same frame: they share its promise. */
function boundPerFrame(waitMs: number) {
  let frame: Promise<'synced' | 'failed'> | null = null;
  let bounded: Promise<'synced' | 'failed' | 'late'> | null = null;
  return (synced: Promise<'synced' | 'failed'>): Promise<'synced' | 'failed' | 'late'> => {
    if (synced === frame && bounded !== null) return bounded;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, waitMs, 'late');
    });
    frame = synced;
    bounded = Promise.race([synced, late]).finally(() => clearTimeout(timer));
    return bounded;
  };
}

/** Why the journal did not take an entry. */
export type RefuseAppend = (reason: Refused) => Refusal;

export function createAppendRefusals(secondsUntilRoom: SecondsUntilRoom): RefuseAppend {
  return (reason) =>
    reason === 'full'
      ? {
          ...refuse(
            'journal_full',
            'The disk for records that Postgres has not taken yet is used up. Try again later.',
          ),
          retryAfterSeconds: secondsUntilRoom(),
        }
      : refuseOther(reason);
}

function refuseOther(reason: Exclude<Refused, 'full'>): Refusal {
  switch (reason) {
    case 'busy':
      return refuse(
        'journal_busy',
        'More records wait for the disk than memory is set aside for. Try again soon.',
      );
    case 'failed':
      return refuse(
        'journal_failed',
        'The journal could not write to its disk. The gateway has to be restarted.',
      );
    case 'closed':
      return refuse('stopping', 'This gateway is stopping. Send the record again, to another one.');
  }
}
