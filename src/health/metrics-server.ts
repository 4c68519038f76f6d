import { createServer } from 'node:http';
import { register } from 'prom-client';
import { ConfigError } from '../config/config';

/** Serves the worker's metrics and liveness probe; the API has its own. Ends with the process. */
export function serveMetrics(host: string, port: number): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url === '/health/live') return void response.end('{"status":"ok"}');
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    register.metrics().then(
      (text) => response.writeHead(200, { 'content-type': register.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.unref();
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) =>
      reject(
        new ConfigError(
          `METRICS_PORT ${port} cannot be used (${error.message}). Example: METRICS_PORT=${port + 1}`,
        ),
      );
    server.once('error', refuse).listen(port, host, resolve);
  });
}
