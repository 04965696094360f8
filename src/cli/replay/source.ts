/**
 * Log files -> parts to send: whole lines, up to a size, each part with the `#Fields:` line that its columns are named
 * by. Files may be gzipped or zstd-compressed; nothing is read into memory but the part at hand. A file that is no text,
 * or breaks off, says so in place of its next part.
 */
import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

export interface Part {
  /** What is sent. */
  readonly text: string;
  /** Lines of the file up to the end of this part. */
  readonly linesDone: number;
}

/** Why there is nothing more to be had of it. */
export interface Unreadable {
  readonly unreadable: string;
}

export interface Source {
  readonly name: string;
  /** As it lies on disk; 0: not known. */
  readonly bytes: number;
  /** Of the file, as far as it was read. */
  bytesRead(): number;
  /** Of the file, as far as it was read, sent or not. */
  linesRead(): number;
  /** Parts from after `linesDone` on. */
  parts(linesDone: number, isWanted: IsWanted): AsyncGenerator<Part | Unreadable>;
}

type IsWanted = (line: string, header: string) => boolean;

const PART_BYTES_MAX = 2 * 1024 * 1024;
const PART_LINES_MAX = 5000;

/**
 * Files, and those in folders, in the order of their names; '-' is standard input. Throws one sentence when a path
 * leads nowhere, or to nothing.
 */
export async function findSources(paths: readonly string[], stdin: Readable): Promise<readonly Source[]> {
  const sources: Source[] = [];
  for (const path of paths) {
    const found = path === '-' ? [makeSource('-', 0, async () => stdin)] : await findFiles(path);
    if (found.length === 0) throw new Error(`there is no file in ${path}`);
    sources.push(...found);
  }
  return sources;
}

async function findFiles(path: string): Promise<readonly Source[]> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error(`there is no file or folder ${path}`) : error;
  });
  if (!found.isDirectory()) return [makeSource(path, found.size, () => openFile(path))];
  const sources: Source[] = [];
  for (const name of (await readdir(path)).toSorted()) sources.push(...(await findFiles(join(path, name))));
  return sources;
}

async function openFile(path: string): Promise<Readable> {
  const file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  await file.close();
  const raw = createReadStream(path);
  if (buffer.readUInt16BE(0) === 0x1f8b) return joinStreams(raw, createGunzip());
  if (buffer.readUInt32LE(0) === 0xfd2fb528) return joinStreams(raw, createZstdDecompress());
  return raw;
}

/** An error of the file, or of its compression, is an error of what comes out. */
function joinStreams(raw: Readable, decoder: NodeJS.ReadWriteStream): Readable {
  const out = new PassThrough();
  raw.on('error', (error) => out.destroy(error));
  decoder.on('error', (error: Error) => out.destroy(error));
  raw.pipe(decoder).pipe(out);
  return Object.assign(out, { raw });
}

function makeSource(name: string, bytes: number, openStream: () => Promise<Readable>): Source {
  let stream: Readable | null = null;
  let linesRead = 0;
  return {
    name,
    bytes,
    bytesRead() {
      const raw = stream !== null && 'raw' in stream ? stream.raw : stream;
      return raw !== null && typeof raw === 'object' && 'bytesRead' in raw ? Number(raw.bytesRead) : 0;
    },
    linesRead: () => linesRead,
    async *parts(linesDone, isWanted) {
      try {
        stream = await openStream();
        const beginning = await peekBeginning(stream);
        if (beginning?.includes(0) === true) {
          stream.destroy();
          yield { unreadable: 'it is no text (files packed by gzip or zstd are unpacked, archives are not)' };
        } else if (beginning !== null) yield* cutParts(stream, linesDone, isWanted, () => linesRead++);
      } catch (error) {
        yield { unreadable: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}

/** What will be read first; null: there is nothing. */
async function peekBeginning(stream: Readable): Promise<Buffer | null> {
  await new Promise<void>((resolve, reject) => {
    stream.once('readable', resolve);
    stream.once('end', resolve);
    stream.once('error', reject);
  });
  const beginning = stream.read() as Buffer | null;
  if (beginning !== null) stream.unshift(beginning);
  return beginning;
}

async function* cutParts(
  stream: Readable,
  linesDone: number,
  isWanted: IsWanted,
  noteLine: () => void,
): AsyncGenerator<Part> {
  let header = '';
  let lines: string[] = [];
  let bytes = 0;
  let read = 0;
  const cut = (): Part => {
    const part = { text: header + lines.join('\n'), linesDone: read };
    lines = [];
    bytes = 0;
    return part;
  };
  const reader = createInterface({ input: stream, crlfDelay: Infinity });
  // Without it a stream's error would leave the loop waiting.
  stream.once('error', () => reader.close());
  for await (const line of reader) {
    if (line.trim() !== '') noteLine();
    const isHeader = line.startsWith('#');
    if (line.startsWith('#Fields:')) {
      if (lines.length > 0) yield cut();
      header = `${line}\n`;
    }
    read++;
    if (isHeader || read <= linesDone || !isWanted(line, header)) continue;
    lines.push(line);
    bytes += line.length + 1;
    if (bytes >= PART_BYTES_MAX || lines.length >= PART_LINES_MAX) yield cut();
  }
  if (stream.errored) throw stream.errored;
  if (lines.length > 0) yield cut();
}
