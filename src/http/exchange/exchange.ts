/** One request's life: head, body, handler, reply. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { createForwardedReader, printAddress } from '../address.ts';
import { createAnswering, noteAnswer, type Exchange } from './answering.ts';
import type { AnswerCounts } from './answer-counts.ts';
import { readFields, readParameters } from './asked-for.ts';
import { createBudget, OVERLOADED_DETAIL } from './budget.ts';
import { collectBody } from './body.ts';
import { readHead, type Head } from '../framing.ts';
import { createProblem } from '../problem.ts';
import type { Reply, Request, Route } from '../request.ts';
import { waitUntilQuiet } from './quiet.ts';

export interface Exchanges {
  /** The route's handler for the library. */
  serve(route: Route, answers: AnswerCounts): (response: HttpResponse, request: HttpRequest) => void;
  /** Answers with a fixed reply, whatever the body. */
  refuse(reply: Reply, answers: AnswerCounts, response: HttpResponse, request: HttpRequest): void;
  /** From now on every answer closes its connection. */
  closeAfterAnswers(): void;
  /** Resolves when nothing was in flight, and nothing came, for a while; or after `timeoutMs`. */
  settle(timeoutMs: number): Promise<'settled' | 'late'>;
  stats(): ExchangeStats;
}

export interface ExchangeStats {
  readonly inFlight: number;
  readonly bytesInFlight: number;
  readonly requests: number;
  readonly framingViolations: number;
}

/** Begins to trace a request; what it returns ends that, with the status, or 0 when the sender was gone before. */
export type StartSpan = (method: string, route: string, traceparent: string) => (status: number) => void;

export interface ExchangeDeps {
  /** Called with the reason when a handler rejects: a bug. */
  readonly onFault: (error: unknown, requestId: string) => void;
  /** Not set: nothing is traced. */
  readonly startSpan?: StartSpan | undefined;
}

/** While its body is on its way. */
type Open<R extends Request> = Omit<R, 'body'> & { body: R['body'] };

/** What anybody may make this process keep, for as long as it takes to send it. */
const UNGUARDED_BYTES = 64 * 1024;

const OVERLOADED = createProblem('overloaded', {
  detail: OVERLOADED_DETAIL,
});

export interface ExchangeValues {
  /** Networks (CIDR) whose word in X-Forwarded-For is taken. */
  readonly trustedProxies: readonly string[];
  /** Bodies in memory, in all. */
  readonly inFlightBytesMax: number;
}

export function createExchanges(
  { trustedProxies, inFlightBytesMax }: ExchangeValues,
  { onFault, startSpan }: ExchangeDeps,
): Exchanges {
  const budget = createBudget(inFlightBytesMax);
  const isProxied = trustedProxies.length > 0;
  const readForwarded = createForwardedReader(trustedProxies);
  let inFlight = 0;
  let requests = 0;
  let framingViolations = 0;
  const { send, sendFault, closeAfterAnswers } = createAnswering(onFault, finish);

  /** Null when the connection had to be closed for its framing. */
  function readSoundHead(response: HttpResponse, request: HttpRequest, method: string): Head | null {
    const head = readHead(method, (visit) => request.forEach(visit));
    if (head.violation === null) return head;
    framingViolations++;
    // `end` would still dispatch what is buffered behind this request; only `close` stops it.
    response.close();
    return null;
  }

  function open(response: HttpResponse, answers: AnswerCounts, endSpan: Exchange['endSpan']): Exchange {
    const held = { bytesHeld: 0, users: 1 };
    const exchange: Exchange = { isOver: false, response, answers, endSpan, ...held, onOver: null };
    requests++;
    inFlight++;
    response.onAborted(() => {
      if (!exchange.isOver && exchange.onOver === null) noteAnswer(exchange, 0);
      finish(exchange);
    });
    return exchange;
  }

  function readAddress(response: HttpResponse, forwardedFor: string): string {
    const peer = printAddress(Buffer.from(response.getRemoteAddress()));
    return isProxied ? readForwarded(peer, forwardedFor) : peer;
  }

  function finish(exchange: Exchange): void {
    if (exchange.isOver) return;
    exchange.isOver = true;
    inFlight--;
    leave(exchange);
    exchange.onOver?.();
  }

  function leave(exchange: Exchange): void {
    if (--exchange.users > 0) return;
    budget.give(exchange.bytesHeld);
    exchange.bytesHeld = 0;
  }

  function hold(exchange: Exchange, bytes: number): boolean {
    if (exchange.isOver || !budget.take(bytes)) return false;
    exchange.bytesHeld += bytes;
    return true;
  }

  /** False: there is no room, and the request is answered. */
  function holdBody(exchange: Exchange, bytes: number): boolean {
    if (bytes <= 0 || hold(exchange, bytes)) return true;
    send(exchange, OVERLOADED, true);
    return false;
  }

  /** While it is not known whether a large body may come in, its connection is not read. */
  function guard(
    exchange: Exchange,
    contentLength: number,
    admitted: Reply | null | Promise<Reply | null>,
  ): void {
    if (!(admitted instanceof Promise)) {
      if (admitted === null) holdBody(exchange, contentLength);
      else send(exchange, admitted, true);
      return;
    }
    exchange.response.pause();
    admitted.then(
      (reply) => {
        if (reply !== null) send(exchange, reply, true);
        else if (!exchange.isOver && holdBody(exchange, contentLength)) exchange.response.resume();
      },
      (error: unknown) => sendFault(exchange, error),
    );
  }

  function handle(exchange: Exchange, route: Route, request: Request): void {
    // A sender that is gone before its body was whole has sent nothing.
    if (exchange.isOver) return;
    // A connection whose body was not read to its end cannot be used again.
    const mustClose = request.body === null;
    try {
      const reply = route.handle(request);
      if (reply instanceof Promise) {
        exchange.users++;
        reply.then(
          (settled) => {
            send(exchange, settled, mustClose);
            leave(exchange);
          },
          (error: unknown) => {
            sendFault(exchange, error);
            leave(exchange);
          },
        );
      } else send(exchange, reply, mustClose);
    } catch (error) {
      sendFault(exchange, error);
    }
  }

  return {
    serve(route, answers) {
      const parameterCount = route.path.split('/:').length - 1;
      return (response, incoming) => {
        const method = incoming.getMethod();
        const head = readSoundHead(response, incoming, method);
        if (head === null) return;
        const endSpan = startSpan?.(method, route.path, incoming.getHeader('traceparent')) ?? null;
        const exchange = open(response, answers, endSpan);
        const request: Open<Request> = {
          method,
          path: incoming.getUrl(),
          query: incoming.getQuery(),
          parameters: readParameters(parameterCount, incoming),
          headers: head.headers,
          fields: readFields(route.fields, incoming),
          address: () => (exchange.isOver ? '' : readAddress(response, head.headers.forwardedFor)),
          body: null,
          hold: (bytes) => hold(exchange, bytes),
        };
        if (head.contentLength > route.bodyBytesMax) {
          handle(exchange, route, request);
          return;
        }
        const admit = head.isChunked || head.contentLength > UNGUARDED_BYTES ? route.admit : undefined;
        if (admit === undefined && !holdBody(exchange, head.contentLength)) return;
        const take = (bytes: number): boolean => !head.isChunked || holdBody(exchange, bytes);
        collectBody(response, head, route.bodyBytesMax, take, (body) => {
          request.body = body;
          handle(exchange, route, request);
        });
        if (admit !== undefined) guard(exchange, head.contentLength, admit(request));
      };
    },
    refuse(reply, answers, response, incoming) {
      const method = incoming.getMethod();
      const head = readSoundHead(response, incoming, method);
      if (head === null) return;
      // Behind the head of an answer to HEAD comes the next answer.
      const body = method === 'head' ? '' : reply.body;
      send(open(response, answers, null), { ...reply, body }, head.isChunked || head.contentLength > 0);
    },
    closeAfterAnswers,
    settle: (timeoutMs) => waitUntilQuiet(() => ({ inFlight, requests }), timeoutMs),
    stats: () => ({ inFlight, bytesInFlight: budget.bytesTaken(), requests, framingViolations }),
  };
}
