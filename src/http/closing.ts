import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

const lookEveryMs = 100;

/**
 * A server that is told to close has closed as soon as nobody is owed an answer. By itself Node waits longer: for ever on
 * a connection over which nothing was asked yet (browsers open some in advance), and for the whole keep-alive time on one
 * whose answer came after the close.
 */
export function closeWhenAnswered(fastify: FastifyInstance): void {
  const { server } = fastify;
  const sockets = new Set<Socket>();
  let closing = false;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  fastify.addHook('onSend', async (_request, reply) => {
    if (closing) void reply.header('connection', 'close');
  });
  fastify.addHook('preClose', async () => {
    closing = true;
    if (!server.listening) return;
    const look = setInterval(() => {
      server.closeIdleConnections();
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    }, lookEveryMs);
    server.once('close', () => clearInterval(look));
  });
}
