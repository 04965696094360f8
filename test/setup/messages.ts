/** What Postgres says on the wire, for tests that put words into its mouth. */

/** A cancelled statement and the end of it: ErrorResponse and ReadyForQuery. */
export const CANCELLED = Buffer.concat([
  makeMessage('E', 'SERROR\0VERROR\0C57014\0Mcanceling statement due to statement timeout\0\0'),
  makeMessage('Z', 'I'),
]);

function makeMessage(kind: string, body: string): Buffer {
  const message = Buffer.alloc(5 + body.length);
  message.write(kind, 0, 'latin1');
  message.writeInt32BE(4 + body.length, 1);
  message.write(body, 5, 'latin1');
  return message;
}
