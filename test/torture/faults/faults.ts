/** Every fault there is. */
import type { Fault } from '../fault.ts';
import { diskFaults } from './disk.ts';
import { gatewayFaults } from './gateway.ts';
import { networkFaults } from './network.ts';
import { postgresFaults } from './postgres.ts';

export const faults: readonly Fault[] = [
  ...gatewayFaults,
  ...postgresFaults,
  ...networkFaults,
  ...diskFaults,
];
