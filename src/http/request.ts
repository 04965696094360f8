/** What the rest of Sluice sees of HTTP: a plain request, a plain reply, a route. */

/** The few headers that anybody reads; '' when absent. */
export interface RequestHeaders {
  authorization: string;
  apiKey: string;
  contentEncoding: string;
  contentType: string;
  prefer: string;
  idempotencyKey: string;
  userAgent: string;
  /** All of them, in order, joined by commas. */
  forwardedFor: string;
}

export interface Request {
  readonly method: string;
  /** The raw path, without the query. */
  readonly path: string;
  readonly query: string;
  /** The values of the route's `:parameters`, in order, as they stand in the path. */
  readonly parameters: readonly string[];
  readonly headers: RequestHeaders;
  /** The further headers that the route asked for, by lower-case name; '' when absent. */
  readonly fields: Readonly<Record<string, string>>;
  /** The sender's address, as trusted proxies tell it; '' when its connection is gone. */
  readonly address: () => string;
  /** Null when it is larger than the route allows. */
  readonly body: Buffer | null;
  /** Sets aside memory for what is made of the body, until the request is answered; false: there is none, or its sender is gone. */
  readonly hold: (bytes: number) => boolean;
}

export interface Reply {
  /** Code and reason, as on the wire: '202 Accepted'. */
  readonly status: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Buffer;
  /** The reply goes on behind `body`: called when that was sent; returns what to do when it is over, however it ends. */
  readonly follow?: (stream: Stream) => () => void;
}

/** The rest of a reply that comes bit by bit. */
export interface Stream {
  /** False: the receiver has not read what was written before, or is gone; nothing was written. */
  write(text: string): boolean;
  /** A second call does nothing. */
  end(): void;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Route {
  readonly method: Method;
  /** As uWebSockets.js reads it: '/api/sites/:siteId/ingest/ai-fetch'. */
  readonly path: string;
  readonly bodyBytesMax: number;
  /** Lower-case names of headers beyond the few that every request has. */
  readonly fields?: readonly string[];
  /**
   * For bodies that are large, or of unknown length: asked when the head is there. A reply ends the request before
   * its body is read; null lets it in.
   */
  readonly admit?: (request: Request) => Reply | null | Promise<Reply | null>;
  /** Never rejects for anything a sender can do: a rejection is a bug, and answered with 500. */
  handle(request: Request): Reply | Promise<Reply>;
}
