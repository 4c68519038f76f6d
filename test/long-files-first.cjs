const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * Files that take half a minute and more. Jest knows how long a file took only where it ran before; elsewhere it begins
 * with the largest file, and one of these ran alone at the end. New files need no entry.
 */
const long = [
  'browser/pages',
  'e2e/worker-start',
  'integration/interleavings',
  'e2e/interruptions',
  'unit/story-truth',
  'integration/model',
  'integration/start-errors',
  'browser/lists',
  'browser/reservations',
  'browser/connection',
  'e2e/first-hour',
  'e2e/two-instances',
  'integration/interleavings-saga',
  'e2e/crash',
  'e2e/expiry',
].map((name) => `/test/${name}.spec.ts`);

const isLong = ({ path }) => long.some((name) => path.endsWith(name));

module.exports = class LongFilesFirst extends Sequencer {
  async sort(tests) {
    const sorted = [...(await super.sort(tests))];
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
};
