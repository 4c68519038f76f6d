interface ListenError extends Error {
  code?: string;
  syscall?: string;
  port?: number;
}

/**
 * One line for an address that cannot be listened on: the setting, what is wrong, what to do. `npm start` loads it from the
 * build, too.
 */
export function explainListenError(
  error: ListenError,
  env: { HOST?: string; PORT?: string },
): string | undefined {
  const port = error.port ?? env.PORT ?? 3000;
  const remedies: Record<string, string> = {
    EADDRINUSE: `PORT: port ${port} is in use. Stop what listens there, or choose another: PORT=${Number(port) + 1}`,
    EACCES: `PORT: this user may not listen on port ${port}. Use one above 1023, e.g. PORT=3000`,
    ENOTFOUND: `HOST: "${env.HOST}" is not known here. Use an address of this machine, e.g. HOST=0.0.0.0 or HOST=127.0.0.1`,
    EADDRNOTAVAIL: `HOST: "${env.HOST}" is not an address of this machine. Use HOST=0.0.0.0 (all addresses) or HOST=127.0.0.1`,
  };
  const isAboutListening = error.syscall === 'listen' || error.syscall === 'getaddrinfo';
  return isAboutListening
    ? remedies[error.code === 'EAI_AGAIN' ? 'ENOTFOUND' : (error.code ?? '')]
    : undefined;
}
