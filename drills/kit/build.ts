import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Patch } from './drill';

/** The text with the patch applied; throws when what it replaces is not there exactly once. */
export function patched(text: string, { file, find, replace }: Patch): string {
  const found = text.split(find).length - 1;
  if (found !== 1) {
    throw new Error(
      `The patch of ${file} has rotted: what it replaces is there ${found} times, not once: ${find}`,
    );
  }
  // As a function, for `$` means something in a replacement that is a string.
  return text.replace(find, () => replace);
}

/** A copy of a build with something changed in it. */
export function patchedBuild(dist: string, copy: string, patches: Patch[]): string {
  cpSync(dist, copy, { recursive: true });
  for (const patch of patches) {
    const file = path.join(copy, patch.file);
    writeFileSync(file, patched(readFileSync(file, 'utf8'), patch));
  }
  return copy;
}
