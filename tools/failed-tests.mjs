// Prints the failed tests of a vitest report, each with the first lines of its error: what a reader of a long log looks for.
import { readFileSync } from 'node:fs';

const LINES_OF_ERROR = 12;
const [file] = process.argv.slice(2);
const report = JSON.parse(readFileSync(file, 'utf8'));

for (const suite of report.testResults) {
  const failed = suite.assertionResults.filter((test) => test.status === 'failed');
  if (suite.status === 'failed' && failed.length === 0) print(suite.name, [suite.message]);
  for (const test of failed) print(`${suite.name}: ${test.fullName}`, test.failureMessages);
}

function print(name, messages) {
  console.log(`--- ${name}`);
  for (const message of messages) console.log(message.split('\n').slice(0, LINES_OF_ERROR).join('\n'));
}
