/** What a micro-bench found: figures that are held to targets, and lines that are only shown. */
import type { Spread } from '../rounds.ts';
import type { Figures } from '../table/targets.ts';

export interface Found {
  readonly figures: Figures;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly what: string;
  readonly measured: Spread;
  readonly unit: string;
}
