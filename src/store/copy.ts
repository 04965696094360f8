/**
 * COPY FROM STDIN whose promise tells the truth.
 *
 * postgres.js hands out a stream for COPY, and that stream lies: an error that arrives after the last byte (a
 * unique violation, say) is swallowed, and the next statement on the connection makes the stream emit 'finish'
 * for rows that were never stored. Nothing here listens to the stream's end. The statement itself is settled by
 * the library's protocol handler, first with the stream, then at ReadyForQuery with the result or the server's
 * error; both calls are taken from it before it is sent. `test/store/copy.test.ts` holds the installed version
 * to this.
 */
import { Writable } from 'node:stream';
import type { Sql, Transaction } from './connect.ts';
import { connectionLost, isAnswer, type Settled } from './connection/answers.ts';

interface CopyStatement extends Settled {
  writable(): Promise<unknown>;
  execute(): unknown;
}

/**
 * Sends `bytes` (a whole COPY stream) and resolves when Postgres has completed the statement; outside of a
 * transaction that is when the rows are committed. Rejects with the server's error, or with the connection's.
 * One at a time on a connection.
 */
export function copyIn(sql: Sql | Transaction, statement: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = sql.unsafe(statement) as unknown as CopyStatement;
    let stream: Writable | null = null;
    let isRejected = false;
    query.resolve = (value) => {
      // A statement that was lost with its connection is settled again when the next one is there.
      if (isRejected) return;
      if (stream === null && value instanceof Writable) {
        stream = value;
        stream.once('error', reject);
        stream.end(bytes);
      } else if (stream !== null && isAnswer(value)) resolve();
      else reject(connectionLost());
    };
    query.reject = (error) => {
      isRejected = true;
      reject(error);
    };
    // Marks the statement as a COPY; its promise is the statement itself, which never settles by our doing.
    void query.writable();
    query.execute();
  });
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER = Buffer.from([0xff, 0xff]);

/** Bytes before the first tuple and after the last one in COPY's binary format. */
export const COPY_HEADER_BYTES = SIGNATURE.length;
export const COPY_TRAILER_BYTES = TRAILER.length;

/** Writes the header at the start and the trailer at `end`; tuples lie between. Returns the stream's bytes. */
export function frameCopy(buffer: Buffer, end: number): Buffer {
  SIGNATURE.copy(buffer, 0);
  TRAILER.copy(buffer, end);
  return buffer.subarray(0, end + TRAILER.length);
}
