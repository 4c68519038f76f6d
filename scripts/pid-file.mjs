// A lock file with the owner's pid, written so that two simultaneous starts cannot both own it.
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { identify, isAlive, makeFolder, sleep } from './processes.mjs';

/** Longer than any process needs for the few file operations of `takeOver`. */
const takeOverAbandonedMs = 10_000;

/** Readers see the old content or the new, never a part. */
export function writeAtomically(file, content) {
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, content);
  renameSync(draft, file);
}

/**
 * `{ held }` if this process now owns the file, else `{ holder }`: what the living owner wrote into it.
 *
 * The content is written first and linked into place, so the file always names its owner. The file of a dead owner is
 * taken over; `left` is then its content.
 */
export function acquirePidFile(file, facts = {}) {
  const mine = { ...facts, ...identify(process.pid), since: new Date().toISOString() };
  let left;
  for (let attempt = 0; attempt < 100; attempt++) {
    makeFolder(path.dirname(file));
    if (linkInto(file, mine)) return { held: heldPidFile(file, mine), left };
    const holder = read(file);
    if (holder !== undefined && isAlive(holder)) return { holder };
    left = takeOver(file) ?? left;
  }
  throw new Error(`Bug: ${file} changed hands a hundred times in a row.`);
}

function linkInto(file, content) {
  const draft = `${file}.${process.pid}.new`;
  try {
    writeFileSync(draft, JSON.stringify(content, null, 2));
    linkSync(draft, file);
    return true;
  } catch (error) {
    // ENOENT: an owner that is leaving has just removed the file's folder.
    if (error.code === 'EEXIST' || error.code === 'ENOENT') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Undefined when there is no such file, or it is not one of ours. */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Removes a dead owner's file. Of two processes that find it at once only one may do so: otherwise the slower would
 * remove the file that the faster has just claimed.
 */
function takeOver(file) {
  const permit = `${file}.takeover`;
  try {
    writeFileSync(permit, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error;
    if (ageMs(permit) > takeOverAbandonedMs) rmSync(permit, { force: true });
    return undefined;
  }
  try {
    const holder = read(file);
    if (holder !== undefined && isAlive(holder)) return undefined;
    rmSync(file, { force: true });
    return holder;
  } finally {
    rmSync(permit, { force: true });
  }
}

function ageMs(file) {
  try {
    return Date.now() - statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}

function heldPidFile(file, mine) {
  return {
    update(facts) {
      writeAtomically(file, JSON.stringify({ ...mine, ...facts }, null, 2));
    },
    release() {
      rmSync(file, { force: true });
    },
  };
}

/** Waits for the file while its owner lives; calls `onWait` once if it has to wait. */
export async function waitForPidFile(file, onWait) {
  let told = false;
  for (;;) {
    const { held, holder } = acquirePidFile(file);
    if (held) return held;
    if (!told) onWait(holder);
    told = true;
    await sleep(200);
  }
}
