/** The HTTP library alone: reads the body, answers 202. What no server on top of it can beat. */
import { App, us_socket_local_port, type HttpResponse, type us_listen_socket } from 'uWebSockets.js';

export function startBare(): Promise<{ port: number; close: () => void }> {
  const app = App();
  app.post('/*', (response: HttpResponse) => {
    let bytes = 0;
    response.onAborted(() => undefined);
    response.onData((chunk, isLast) => {
      bytes += chunk.byteLength;
      if (!isLast) return;
      response.cork(() => {
        response.writeStatus(bytes > 0 ? '202 Accepted' : '400 Bad Request').end();
      });
    });
  });
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket: us_listen_socket | false) => {
      if (socket === false) reject(new Error('no port'));
      else resolve({ port: us_socket_local_port(socket), close: () => app.close() });
    });
  });
}
