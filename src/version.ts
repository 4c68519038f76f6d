import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The version in package.json, which is one folder up in the source tree and in a build. A build that was moved elsewhere
 * has no version, and works all the same.
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
