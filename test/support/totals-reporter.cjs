const { writeFileSync } = require('node:fs');
const path = require('node:path');
const { stripVTControlCharacters } = require('node:util');

/** Writes the numbers of a Jest run and its failures to a file, for `npm test`, which may run Jest more than once. */
module.exports = class TotalsReporter {
  onRunComplete(_contexts, results) {
    const file = process.env.HOLDFAST_TEST_TOTALS;
    if (!file) return;
    const totals = {
      passed: results.numPassedTests,
      // A suite that could not be loaded has no tests to count, but has failed.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
      failures: results.testResults.filter(hasFailed).map(failureOf),
    };
    writeFileSync(file, JSON.stringify(totals));
  }
};

const hasFailed = ({ numFailingTests, testExecError }) => numFailingTests > 0 || testExecError !== undefined;

/** `{ file, passed, failed, skipped, tests: ["name: first lines of its message"] }` */
function failureOf({ testFilePath, testExecError, testResults, ...numbers }) {
  const tests = testResults
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => `${fullName}: ${gist(failureMessages.join(' '))}`);
  if (testExecError) tests.push(gist(testExecError.message ?? String(testExecError)));
  return {
    file: path.relative(process.cwd(), testFilePath).replaceAll(path.sep, '/'),
    passed: numbers.numPassingTests,
    failed: numbers.numFailingTests + (testExecError ? 1 : 0),
    skipped: numbers.numPendingTests + numbers.numTodoTests,
    tests,
  };
}

const gist = (message) => stripVTControlCharacters(message).replace(/\s+/g, ' ').slice(0, 300);
