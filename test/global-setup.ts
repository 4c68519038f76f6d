import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';

declare global {
  var testServicesProcess: ChildProcess | undefined;
}

/** Under `npm test` everything stands already; a Jest started by an editor or by hand gets it here. */
export default async function globalSetup(): Promise<void> {
  if (process.env.HOLDFAST_TEST_SERVICES !== undefined) return;

  const script = path.resolve(__dirname, '..', 'scripts', 'test-services.mjs');
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  globalThis.testServicesProcess = child;
  for await (const line of readline.createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) {
      process.env.HOLDFAST_TEST_SERVICES = line;
      return;
    }
    console.log(line);
  }
  throw new Error('The services that the tests need could not be started; the reason stands above.');
}
