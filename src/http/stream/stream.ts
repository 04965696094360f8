/**
 * Replies that come bit by bit. Nothing is written for a receiver that has not read what it was sent before, so a slow
 * one costs no more than its first part and one write; what it misses is the writer's to send later. A receiver that
 * reads nothing at all is cut by the library, 10 s after the last write.
 */
import type { HttpResponse } from 'uWebSockets.js';
import type { Reply, Stream } from '../request.ts';

export interface Streams {
  /** The head is written. Returns what to call when the response is over; `finish` is called at its end. */
  start(response: HttpResponse, content: StreamContent, finish: () => void): () => void;
  /** Ends every stream, and from now on each one as it starts: nobody waits for them at a stop. */
  endAll(): void;
}

export interface StreamContent {
  readonly first: Reply['body'];
  readonly follow: (stream: Stream) => () => void;
}

export function createStreams(): Streams {
  const running = new Set<Stream>();
  let isClosing = false;

  return {
    start(response, { first, follow }, finish) {
      let isOver = false;
      let isBehind = false;
      let stop: (() => void) | null = null;

      /** Before anything else is called: the library forbids touching a response that is over. */
      function leave(): void {
        if (isOver) return;
        isOver = true;
        running.delete(stream);
        stop?.();
      }

      const stream: Stream = {
        write(text) {
          if (isOver || isBehind) return false;
          // Nothing would be the end of a chunked body.
          if (text === '') return true;
          response.cork(() => {
            isBehind = !response.write(text);
          });
          return true;
        },
        end() {
          if (isOver) return;
          leave();
          // To close the connection, the library would write a header into the body: the stop itself closes it.
          response.cork(() => response.end(''));
          finish();
        },
      };

      response.onWritable(() => {
        isBehind = false;
        return true;
      });
      response.cork(() => {
        if (first.length > 0) isBehind = !response.write(first);
      });
      running.add(stream);
      stop = follow(stream);
      if (isOver) stop();
      else if (isClosing) queueMicrotask(() => stream.end());
      return leave;
    },
    endAll() {
      isClosing = true;
      for (const stream of running) stream.end();
    },
  };
}
