import { once } from 'node:events';

export default async function globalTeardown(): Promise<void> {
  const child = globalThis.testServicesProcess;
  if (child === undefined || child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.stdin?.end();
  await ended;
}
