/** How a request is answered: at most once, inside a cork (one system call), and never after its connection is gone. */
import { randomBytes } from 'node:crypto';
import type { HttpResponse } from 'uWebSockets.js';
import { createProblem } from '../problem.ts';
import type { Reply } from '../request.ts';
import { createStreams } from '../stream/stream.ts';
import { countAnswer, type AnswerCounts } from './answer-counts.ts';

/** `isOver` once it is answered, or its connection is gone: the library forbids touching `response` then. */
export interface Exchange {
  isOver: boolean;
  readonly response: HttpResponse;
  readonly answers: AnswerCounts;
  readonly endSpan: ((status: number) => void) | null;
  /** Of the budget: given back when the last who needs it is done, connection or handler. */
  bytesHeld: number;
  users: number;
  /** Of a reply that comes bit by bit. */
  onOver: (() => void) | null;
}

export interface Answering {
  readonly send: (exchange: Exchange, reply: Reply, mustClose: boolean) => void;
  /** A handler has failed: the sender gets the number under which the log has the cause. */
  readonly sendFault: (exchange: Exchange, error: unknown) => void;
  /** From now on every answer closes its connection. */
  readonly closeAfterAnswers: () => void;
}

/** `finish`: called once an exchange is over. */
export function createAnswering(
  onFault: (error: unknown, requestId: string) => void,
  finish: (exchange: Exchange) => void,
): Answering {
  const streams = createStreams();
  let isClosing = false;

  function send(exchange: Exchange, reply: Reply, mustClose: boolean): void {
    if (exchange.isOver) return;
    const { response } = exchange;
    const { follow } = reply;
    noteAnswer(exchange, Number.parseInt(reply.status, 10));
    response.cork(() => {
      response.writeStatus(reply.status);
      for (const [name, value] of reply.headers) response.writeHeader(name, value);
      if (follow === undefined) response.end(reply.body, mustClose || isClosing);
    });
    if (follow === undefined) finish(exchange);
    else exchange.onOver = streams.start(response, { first: reply.body, follow }, () => finish(exchange));
  }

  return {
    send,
    sendFault(exchange, error) {
      const requestId = randomBytes(8).toString('hex');
      onFault(error, requestId);
      const detail = `Not your fault; the log has the cause under ${requestId}. Try again later.`;
      send(exchange, createProblem('internal', { detail }), true);
    },
    closeAfterAnswers() {
      isClosing = true;
      streams.endAll();
    },
  };
}

/** 0: the sender was gone. */
export function noteAnswer({ answers, endSpan }: Exchange, status: number): void {
  countAnswer(answers, status);
  endSpan?.(status);
}
