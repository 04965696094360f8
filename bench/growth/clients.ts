/** What a request costs by how many clients take turns, on one gateway that has all of them in memory. */
import { measureCounts } from '../micro/crowd.ts';
import { gatherCrowd } from '../micro/gather.ts';
import type { World } from '../world.ts';
import { lineOf, stepsTo, type Curve } from './curve.ts';

const STEPS = [4, 100, 10_000, 100_000];

export async function growClients(
  world: World,
  values: { readonly rounds: number; readonly seconds: number; readonly clientsMax: number },
  tell: (line: string) => void,
): Promise<Curve> {
  const crowd = await gatherCrowd(world, values.clientsMax, tell);
  try {
    const measured = await measureCounts(world, crowd, stepsTo(values.clientsMax, STEPS), values, tell);
    return {
      name: 'clients',
      title: 'A request, by clients that take turns',
      size: 'clients',
      lines: [lineOf("CPU of the gateway's process", 'µs', measured)],
      remark: '',
    };
  } finally {
    await crowd.close();
  }
}
