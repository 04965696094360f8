/**
 * A CPU profile as V8 writes it, read into a tree of functions with the time that each took by itself, and where a function
 * belongs: a room of Sluice, a package, Node, the HTTP library, the collection of garbage, or 'native', which is all outside
 * of JavaScript. Time in which there was nothing to do
 * is left out. Pure.
 */
import { relative } from 'node:path';

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Call {
  readonly name: string;
  /** 'ingest', 'node', 'zod' … */
  readonly room: string;
  /** From the project's folder, with the line; '' = no file. */
  readonly place: string;
  selfUs: number;
  /** With what it called. */
  totalUs: number;
  readonly calls: readonly Call[];
}

/** The root's total is the time in which there was something to do. */
export function readTree(profile: CpuProfile, projectFolder: string): Call {
  const selfUs = new Map<number, number>();
  profile.samples.forEach((id, index) => {
    // A sample stands for the time until the next.
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, profile.timeDeltas[index + 1] ?? 0));
  });
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const build = (id: number, caller: Frame): Call | null => {
    const node = nodes.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') return null;
    const frame = readFrame(node.callFrame, caller, projectFolder);
    const next = frame.place === '' ? caller : frame;
    const calls = (node.children ?? []).map((child) => build(child, next)).filter((call) => call !== null);
    const own = frame.name === ROOT.name ? 0 : (selfUs.get(id) ?? 0);
    return { ...frame, selfUs: own, totalUs: calls.reduce((sum, call) => sum + call.totalUs, own), calls };
  };
  const [first] = profile.nodes;
  const root = first === undefined ? null : build(first.id, ROOT);
  if (root === null) throw new Error('the profile is empty');
  return root;
}

type Frame = Pick<Call, 'name' | 'room' | 'place'>;

export const ANONYMOUS = '(anonymous)';
const ROOT: Frame = { name: '(root)', room: 'native', place: '' };

/**
 * `caller`: the nearest that has a file. Native code is Node's, but for what `http` calls, which is the HTTP library: there
 * V8 cannot tell functions that share their code, so that who has called says more than the name.
 */
function readFrame(
  { functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame'],
  caller: Frame,
  projectFolder: string,
): Frame {
  const path = url.startsWith('file://') ? relative(projectFolder, new URL(url).pathname) : url;
  const name = functionName === '' ? ANONYMOUS : functionName;
  if (name === '(garbage collector)') return { name, room: 'gc', place: '' };
  if (path === '' && (name === '(program)' || name === ROOT.name)) return { name, room: 'native', place: '' };
  if (path === '' && caller.room === 'http' && !name.startsWith('now'))
    return { name: `uWebSockets.js, from ${caller.name}`, room: 'uWebSockets.js', place: '' };
  if (path === '')
    return { name: name === ANONYMOUS ? `native, from ${caller.name}` : name, room: 'node', place: '' };
  const place = path.startsWith('node:') ? path : `${path}:${lineNumber + 1}`;
  return { name, room: roomOf(path), place };
}

function roomOf(path: string): string {
  if (path.startsWith('node:')) return 'node';
  const packageName = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  if (packageName !== undefined) return packageName;
  return /^src\/([^/.]+)/.exec(path)?.[1] ?? path.split('/')[0] ?? path;
}

export interface Cost {
  readonly name: string;
  readonly room: string;
  /** '' = several. */
  readonly place: string;
  /** Of the time in which there was something to do. */
  readonly share: number;
}

/** Functions by the time that each took by itself, wherever it was called from; the largest first. */
export function listCosts(root: Call): readonly Cost[] {
  return sum(root, ({ name, place }) => `${name} ${place}`);
}

/** The same by room: `name` is the room's. */
export function listRooms(root: Call): readonly Cost[] {
  return sum(root, ({ room }) => room).map((cost) => ({ ...cost, name: cost.room, place: '' }));
}

function sum(root: Call, keyOf: (call: Call) => string): readonly Cost[] {
  const found = new Map<string, { readonly call: Call; us: number }>();
  const visit = (call: Call): void => {
    const key = keyOf(call);
    const known = found.get(key);
    if (known === undefined) found.set(key, { call, us: call.selfUs });
    else known.us += call.selfUs;
    call.calls.forEach(visit);
  };
  visit(root);
  return [...found.values()]
    .filter(({ us }) => us > 0)
    .toSorted((one, other) => other.us - one.us)
    .map(({ call: { name, room, place }, us }) => ({ name, room, place, share: us / root.totalUs }));
}
