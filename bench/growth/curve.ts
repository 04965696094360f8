/** How a cost grows: what is measured over a size. The sizes of a curve, and what it is drawn and printed from. Pure. */
import { spreadOf, type Measured, type Spread } from '../rounds.ts';

export interface Curve {
  /** Of the picture's file, too. */
  readonly name: string;
  readonly title: string;
  /** What grows. */
  readonly size: string;
  readonly lines: readonly CurveLine[];
  /** Why it ends where it ends, and what is not interleaved; '' = nothing to say. */
  readonly remark: string;
}

export interface CurveLine {
  readonly what: string;
  readonly unit: string;
  readonly points: readonly { readonly size: number; readonly measured: Spread }[];
}

/** The steps that are below `sizeMax`, and it. */
export function stepsTo(sizeMax: number, steps: readonly number[]): readonly number[] {
  return [...steps.filter((step) => step < sizeMax), sizeMax];
}

/** A line from what was measured by size. */
export function lineOf(what: string, unit: string, measured: Measured): CurveLine {
  return {
    what,
    unit,
    points: Object.entries(measured).map(([size, rounds]) => ({
      size: Number(size),
      measured: spreadOf(rounds),
    })),
  };
}
