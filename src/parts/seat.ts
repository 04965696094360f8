/** Which seat this process has in its gateway, and what bears the seat's number: the journal, the budget, the name. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { shareWithNobody, type Share } from '../supervisor/siblings.ts';

export interface Seat {
  /** 0 to `count` - 1. */
  readonly index: number;
  readonly count: number;
  readonly share: Share;
}

/** A gateway of one process. */
export const ALONE: Seat = { index: 0, count: 1, share: shareWithNobody };

/** A single process has the folder itself, one of several a folder in it. */
export function journalFolder(config: Config, { index, count }: Pick<Seat, 'index' | 'count'>): string {
  const folder = join(config.dataDirectory, 'journal');
  return count === 1 ? folder : join(folder, String(index));
}

export interface JournalSpace {
  readonly directory: string;
  readonly bytesMax: number;
}

/** The disk is one: each process has its part of it. */
export function allotJournalSpace(config: Config, seat: Seat): JournalSpace {
  const bytesMax = Math.floor(config.journalBytesMax / seat.count);
  return { directory: journalFolder(config, seat), bytesMax };
}

export function nameGateway(config: Config): string {
  return config.nodeName ?? `${hostname()}:${config.port}`;
}

/** Unique among all processes of all gateways: it is by this that a revocation is known to be applied everywhere. */
export function nameProcess(config: Config, { index, count }: Pick<Seat, 'index' | 'count'>): string {
  return count === 1 ? nameGateway(config) : `${nameGateway(config)}/${index}`;
}
