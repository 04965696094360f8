/** What a fault is: something that is done to a world, and how it is undone. */
import type { Ledger } from './ledger.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** Faults of one lane come one after the other, those of different lanes at the same time. */
export type Lane = 'gateway' | 'postgres' | 'wire' | 'redis';

export interface Scene {
  readonly world: World;
  readonly ledger: Ledger;
  readonly random: Random;
  /** Says that the gateway has not done what it promises under this fault. */
  readonly blame: (finding: string) => void;
}

export type Mend = () => Promise<void>;

export interface Fault {
  readonly name: string;
  readonly lane: Lane;
  /** How long it lasts, least and most. */
  readonly holdMs: readonly [number, number];
  /** Nothing for gateways of one process. */
  readonly needsProcesses?: true;
  inject(scene: Scene): Promise<Mend>;
}
