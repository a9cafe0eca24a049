// Measures the reference implementation on the same cases and prints both side by side.
//
//   JSONATA_AT=DIRECTORY node compare.mjs FILE OURS SECONDS       OURS: what jsonata_speed wrote
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.JSONATA_AT}/`);
const jsonata = require('jsonata');
const version = require('jsonata/package.json').version;

const [file, oursFile, secondsText] = process.argv.slice(2);
const seconds = Number(secondsText);
const { documents, cases } = JSON.parse(readFileSync(file, 'utf8'));
const ours = readFileSync(oursFile, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));

// Members in any order; numbers as near as two ways of adding them up come.
function same(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
}

// The fastest of many batches, after a time for the compiler to warm up.
async function measure(run) {
  const start = process.hrtime.bigint();
  const until = (part) => start + BigInt(Math.round(seconds * part * 1e9));
  let count = 0;
  while (process.hrtime.bigint() < until(0.4) || count === 0) { await run(); ++count; }
  const each = Number(process.hrtime.bigint() - start) / count;
  const batch = Math.max(1, Math.floor(5e6 / each));
  let best = Infinity;
  do {
    const from = process.hrtime.bigint();
    for (let i = 0; i < batch; ++i) await run();
    best = Math.min(best, Number(process.hrtime.bigint() - from) / batch);
  } while (process.hrtime.bigint() < until(1));
  return best;
}

const rows = [];
const wrong = [];
let skipped = 0;
for (const [n, each] of cases.entries()) {
  let expression;
  let answer;
  const input = each.document === undefined ? undefined : documents[each.document];
  const mine = ours[n];
  const run = () => expression.evaluate(input, each.bindings);
  try {
    expression = jsonata(each.expression);
    answer = JSON.stringify(await run());
  } catch (error) {
    answer = undefined;
    if (each.given) { ++skipped; continue; }
    throw error;
  }
  const found = answer === undefined ? undefined : JSON.parse(answer);
  if (mine.error || !same(found, mine.result)) {
    // Another version's answer is the conformance tests' business, not this one's.
    if (each.given) { ++skipped; continue; }
    wrong.push(`${each.name}: ours ${mine.error ?? JSON.stringify(mine.result)?.slice(0, 200)}, theirs ${answer?.slice(0, 200)}`);
    continue;
  }
  rows.push({ name: each.name, ours: mine.ns, theirs: await measure(run), given: each.given });
}

const number = (n) => Math.round(n).toLocaleString('en');
const print = (title, list) => {
  const width = Math.max(...list.map((row) => row.name.length), title.length);
  console.log(`| ${title.padEnd(width)} | ours ns/op | Node ns/op | times as fast |`);
  console.log(`|${'-'.repeat(width + 2)}|-----------:|-----------:|--------------:|`);
  for (const row of list)
    console.log(`| ${row.name.padEnd(width)} | ${number(row.ours).padStart(10)} | ${number(row.theirs).padStart(10)} | ${(row.theirs / row.ours).toFixed(1).padStart(13)} |`);
};
const mean = (list) => Math.exp(list.reduce((sum, row) => sum + Math.log(row.theirs / row.ours), 0) / list.length).toFixed(1);

console.log(`jsonata ${version} on Node ${process.version}, ${seconds} s a case, the fastest batch of each:\n`);
const own = rows.filter((row) => !row.given);
print('expression', own);
console.log(`\nGeometric mean: ${mean(own)} times as fast; slower in ${own.filter((row) => row.theirs < row.ours).length} of ${own.length}.`);
const given = rows.filter((row) => row.given);
if (given.length > 0) {
  const slower = given.filter((row) => row.theirs < row.ours);
  console.log(`\nThe cases given: ${given.length} measured (${skipped} not: no answer or another one); geometric mean ${mean(given)} times as fast; slower in ${slower.length}.\n`);
  print('where the reference takes longest', [...given].sort((a, b) => b.theirs - a.theirs).slice(0, 15));
  if (slower.length > 0) { console.log(); print('where ours is slower', slower.sort((a, b) => a.theirs / a.ours - b.theirs / b.ours).slice(0, 20)); }
}
for (const line of wrong) console.error(`bench-jsonata: another answer: ${line}`);
process.exit(wrong.length === 0 ? 0 : 1);
