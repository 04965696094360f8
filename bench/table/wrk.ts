/**
 * Closed-loop load by wrk: it costs a fraction of what the servers cost, so that it is not the limit where autocannon
 * would be. Its latencies are not read: closed loops hide pauses (see bench/pacer).
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pin } from './process.ts';

export interface LoadValues {
  readonly port: number;
  /** As `writeRequests` wrote it. */
  readonly file: string;
  readonly connections: number;
  readonly seconds: number;
  /** Ends earlier, after so many answers. */
  readonly requestsMax?: number;
  /** The first request of the file goes out with these in turn. */
  readonly tokens?: Tokens;
  /** A refusal makes the measurement void, unless nothing is measured. */
  readonly mayBeRefused?: boolean;
}

export interface Tokens {
  /** One a line. */
  readonly file: string;
  /** So many of them. */
  readonly count: number;
  /** How many have had their turn. */
  readonly from: number;
}

export interface Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
}

const SCRIPT = join(import.meta.dirname, 'wrk.lua');

/** Throws when a request was lost, or refused. */
export async function shoot(values: LoadValues): Promise<Load> {
  const { port, file, connections, seconds, requestsMax = 0, tokens } = values;
  const rotation = tokens === undefined ? [] : [tokens.file, String(tokens.count), String(tokens.from)];
  const words = [
    ...pin('load'),
    ...['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '20s', '-s', SCRIPT],
    ...[`http://127.0.0.1:${port}/`, '--', file, String(requestsMax), ...rotation],
  ];
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
    if (data.includes('all answered')) child.kill('SIGINT');
  });
  await new Promise((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  const line = /^\{.*\}$/m.exec(output)?.[0];
  if (line === undefined) throw new Error(`wrk said nothing of its result: ${output}`);
  const { requests, microseconds, refused, lost } = JSON.parse(line) as Record<string, number>;
  const isVoid = requests === 0 || lost !== 0 || (refused !== 0 && values.mayBeRefused !== true);
  if (requests === undefined || microseconds === undefined || isVoid)
    throw new Error(`of ${requests} requests ${refused} were refused, and ${lost} lost`);
  return { requests, requestsPerSecond: (requests * 1_000_000) / microseconds };
}

export interface HttpRequest {
  readonly path: string;
  readonly token: string;
  readonly body: Buffer;
  readonly contentType: string;
  /** '' = as it is. */
  readonly encoding: string;
}

export async function writeRequests(file: string, requests: readonly HttpRequest[]): Promise<void> {
  const parts = requests.flatMap((request) => {
    const bytes = printRequest(request);
    return [Buffer.from(String(bytes.length).padStart(10, '0')), bytes];
  });
  await writeFile(file, Buffer.concat(parts));
}

function printRequest({ path, token, body, contentType, encoding }: HttpRequest): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: bench',
    `Authorization: Bearer ${token}`,
    `Content-Type: ${contentType}`,
    ...(encoding === '' ? [] : [`Content-Encoding: ${encoding}`]),
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}
