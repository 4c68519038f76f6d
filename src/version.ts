import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What package.json says, one folder up from here in the source tree and in a build alike. A build that was put
 * somewhere else has no number, and works all the same.
 */
export const serviceVersion: string = readVersion();

function readVersion(): string {
  try {
    const text = readFileSync(join(__dirname, '../package.json'), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}
