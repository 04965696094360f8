/**
 * Undoes a Content-Encoding, in the thread pool, up to a bound: output stops where the bound is met, so that a bomb
 * costs no more than the bound. The bound is the smaller of a size and a multiple of what was sent. What comes out is
 * counted when it is there: so few bodies are undone at once, and the others wait.
 */
import { promisify } from 'node:util';
import {
  brotliDecompress,
  gunzip,
  inflate,
  inflateRaw,
  zstdDecompress,
  type BrotliOptions,
  type ZlibOptions,
} from 'node:zlib';
import { createPlaces } from './places.ts';

export interface DecompressValues {
  readonly bytesMax: number;
  /** Decompressed bytes for one that was sent; the first 64 KiB are free. */
  readonly ratioMax: number;
}

export type Decompressed =
  | { readonly kind: 'body'; readonly body: Buffer }
  | { readonly kind: 'unsupported' | 'malformed' | 'too_large' | 'unwanted' };

/** `isWanted` is asked when it is the body's turn: its sender may be gone by then. */
export type Decompress = (
  body: Buffer,
  contentEncoding: string,
  values: DecompressValues,
  isWanted: () => boolean,
) => Promise<Decompressed>;

type Decoder = (body: Buffer, options: ZlibOptions & BrotliOptions) => Promise<Buffer>;

const FREE_BYTES = 64 * 1024;

const decoders: Readonly<Record<string, Decoder>> = {
  gzip: promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  'x-gzip': promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  deflate: inflateEither,
  br: promisify<Buffer, BrotliOptions, Buffer>(brotliDecompress),
  zstd: promisify<Buffer, object, Buffer>(zstdDecompress),
};

/** What Accept-Encoding would name. */
export const ENCODINGS = 'gzip, deflate, br, zstd';

export function isEncoded(contentEncoding: string): boolean {
  return contentEncoding !== '' && contentEncoding.toLowerCase() !== 'identity';
}

/** As many as there are threads for it. */
const RUNNING_MAX = 4;

export function createDecompress(): Decompress {
  const places = createPlaces(RUNNING_MAX);
  return (body, contentEncoding, values, isWanted) =>
    places.run(async () => (isWanted() ? decompress(body, contentEncoding, values) : { kind: 'unwanted' }));
}

async function decompress(
  body: Buffer,
  contentEncoding: string,
  values: DecompressValues,
): Promise<Decompressed> {
  const name = contentEncoding.trim().toLowerCase();
  const decode = Object.hasOwn(decoders, name) ? decoders[name] : undefined;
  if (decode === undefined) return { kind: 'unsupported' };
  const maxOutputLength = Math.min(values.bytesMax, Math.max(FREE_BYTES, body.length * values.ratioMax));
  try {
    return { kind: 'body', body: await decode(body, { maxOutputLength }) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    return { kind: code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'malformed' };
  }
}

/** 'deflate' is zlib's format by RFC 9110; some send bare deflate data. */
async function inflateEither(body: Buffer, options: ZlibOptions): Promise<Buffer> {
  const isZlib = body.length > 1 && ((body[0] ?? 0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
  const decode = promisify<Buffer, ZlibOptions, Buffer>(isZlib ? inflate : inflateRaw);
  return decode(body, options);
}
