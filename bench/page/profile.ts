/** Profiles as text and pictures: what each room takes, the functions that take most, and why. Pure. */
import { explainCost } from '../profile/costs.ts';
import type { ProfileResult } from '../profile/profile.ts';
import { ANONYMOUS, listCosts, listRooms } from '../profile/tree.ts';
import { drawFlame } from './flame.ts';
import type { Drawn } from './write.ts';

/** Where the table of a load ends. */
const COSTS_MAX = 20;
const SHARE_MIN = 0.005;

/** Also for a terminal. */
export function printProfiles(results: readonly ProfileResult[]): string {
  return results
    .map(({ name, title, requestsPerSecond, busyShare, root }) => {
      return [
        `### The CPU of ${title}`,
        '',
        `![Flame graph: ${title}](images/${fileOf(name)})`,
        '',
        `${Math.round(requestsPerSecond)} requests/s while it was profiled; its thread had something to do ${percent(busyShare)} of the time.`,
        '',
        '| room | share |',
        '| --- | ---: |',
        ...listRooms(root)
          .filter(({ share }) => share >= SHARE_MIN)
          .map(({ room, share }) => `| ${room} | ${percent(share)} |`),
        '',
        '| function | room | share | why |',
        '| --- | --- | ---: | --- |',
        ...listCosts(root)
          .filter(({ share }) => share >= SHARE_MIN)
          .slice(0, COSTS_MAX)
          .map(
            (cost) =>
              `| ${printName(cost.name, cost.place)} | ${cost.room} | ${percent(cost.share)} | ${explainCost(cost)} |`,
          ),
      ].join('\n');
    })
    .join('\n\n');
}

export function drawProfiles(results: readonly ProfileResult[]): readonly Drawn[] {
  return results.map(({ name, title, root }) => ({
    file: fileOf(name),
    svg: drawFlame(
      `The gateway's CPU, ${title}`,
      root,
      listRooms(root).map(({ room }) => room),
    ),
  }));
}

function fileOf(name: string): string {
  return `profile-${name}.svg`;
}

/** The line where there is no name: it changes with every edit. */
function printName(name: string, place: string): string {
  const file = name === ANONYMOUS ? place : place.replace(/:\d+$/, '');
  return file === '' || file.startsWith('node:') || file.startsWith('node_modules')
    ? `\`${name}\``
    : `\`${name}\`, ${file}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
