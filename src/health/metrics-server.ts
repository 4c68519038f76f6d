import { createServer } from 'node:http';
import { register } from 'prom-client';
import { ConfigError } from '../config/config';

/**
 * Serves the worker's metrics and probes; the API has its own. Ends with the process. `troubles`: why it does not work.
 *
 * Only the event loop decides about `/health/live`, by which processes are restarted: a silent provider or database
 * restarts nobody. `/health/ready` is for alerts.
 */
export function serveMetrics(host: string, port: number, troubles: () => string[]): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url === '/health/live') return void response.end('{"status":"ok"}');
    if (request.url === '/health/ready') {
      const found = troubles();
      const status = found.length > 0 ? 'standstill' : 'ok';
      response.writeHead(found.length > 0 ? 503 : 200, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify({ status, troubles: found }));
    }
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
