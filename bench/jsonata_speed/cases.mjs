// Writes what is measured: documents made by a fixed recipe, and expressions over them.
//
//   node cases.mjs FILE [CASES]
//
// CASES: a directory with cases.jsonl ({case, expr, data | dataset, bindings?} a line) and
// datasets.json; its cases are measured besides.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Always the same "random" numbers (a linear congruence).
let state = 20261122;
const below = (bound) => {
  state = (state * 1103515245 + 12345) % 2147483648;
  return Math.floor((state / 2147483648) * bound);
};
const one = (list) => list[below(list.length)];

const words = 'red blue green small large round old new light heavy plain striped'.split(' ');
const things = 'Hat Cloak Lamp Chair Table Vase Clock Mirror'.split(' ');
const categories = ['clothes', 'furniture', 'garden', 'kitchen', 'tools'];

const product = (n) => ({
  SKU: `s-${String(n).padStart(5, '0')}`,
  Name: `${one(things)} of ${one(words)} ${one(words)}`,
  Category: one(categories),
  Price: (100 + below(20000)) / 100,
  Quantity: 1 + below(5),
  Description: { Text: `A ${one(words)}, ${one(words)} thing by ${one(words)}${below(50)}@${one(words)}.com`, Weight: below(100) / 10 },
});
const orders = { Account: { Name: 'Firefly', Order: [] } };
for (let i = 0; i < 200; ++i) {
  const Product = [];
  for (let k = 0; k < 5; ++k) Product.push(product(i * 5 + k));
  orders.Account.Order.push({
    OrderID: `order${100 + i}`,
    Date: new Date(1700000000000 + below(1e9) * 30).toISOString(),
    Product,
  });
}
const library = { books: [], customers: [], loans: [] };
for (let i = 0; i < 40; ++i) library.books.push({ isbn: `978-${i}`, title: `The ${one(words)} ${one(things)} ${i}` });
for (let i = 0; i < 20; ++i) library.customers.push({ id: `c${i}`, name: `Customer ${i}` });
for (let i = 0; i < 60; ++i) library.loans.push({ isbn: `978-${below(40)}`, customer: `c${below(20)}` });
const text = { text: Array.from({ length: 2000 }, () => one(words)).join(' ') };

const documents = { orders, library, text, nothing: null };
const cases = [
  ['paths and predicates', 'orders', "Account.Order.Product[Price > 50 and Quantity >= 2].{'sku': SKU, 'total': Price * Quantity}"],
  ['deep navigation', 'orders', 'Account.Order.Product.Description[Weight > 5].Text'],
  ['descendants', 'orders', "{'count': $count(**.Price), 'pieces': $sum(**.Quantity)}"],
  ['group by', 'orders', "Account.Order.Product{Category: {'count': $count($), 'total': $sum($.(Price * Quantity))}}"],
  ['order by', 'orders', 'Account.Order.Product^(>Price, SKU).SKU'],
  ['$sort with a function', 'orders', '$sort(Account.Order.Product, function($l, $r) { $l.Price > $r.Price }).SKU'],
  ['$map, $filter, $reduce', 'nothing', '$reduce($filter($map([1..10000], function($v) { $v * 3 % 7 }), function($v) { $v > 2 }), function($a, $b) { $a + $b })'],
  ['text', 'orders', "$join(Account.Order.Product.($uppercase($substring(Name, 0, 8)) & '-' & $pad($string(Quantity), -4, '0') & $substringAfter(SKU, '-')), ';')"],
  ['words counted', 'text', "$split(text, ' '){$: $count($)}"],
  ['regular expressions', 'orders', "Account.Order.Product.Description[$contains(Text, /\\b(red|blue)\\b/i)].$replace(Text, /(\\w+)@(\\w+)\\.com/, '$2 at $1')"],
  ['$match over a text', 'text', '$count($match(text, /[a-z]*l[a-z]+/))'],
  ['$match of plain words', 'text', '$count($match(text, /\\b(blue|plain) \\w+/))'],
  ['tail calls', 'nothing', '($f := function($n, $a) { $n <= 1 ? $a : $f($n - 1, $a * $n % 1000007) }; $f(5000, 1))'],
  ['recursion', 'nothing', '($fib := function($n) { $n < 2 ? $n : $fib($n - 1) + $fib($n - 2) }; $fib(18))'],
  ['transform', 'orders', "$ ~> |Account.Order.Product|{'Total': Price * Quantity}, ['Description']|"],
  ['join by @', 'library', "loans@$l.$$.books@$b[$l.isbn = $b.isbn].$$.customers@$c[$l.customer = $c.id].{'title': $b.title, 'name': $c.name}"],
  ['positions by #, parents', 'orders', "Account.Order#$o.Product#$p[$p < 2].{'o': $o, 'p': $p, 'id': %.OrderID, 'sku': SKU}"],
  ['dates', 'orders', "Account.Order.{'day': $fromMillis($toMillis(Date), '[FNn], [D1o] [MNn] [Y]'), 'before': $fromMillis($toMillis(Date) - 86400000)}"],
  ['dates read by a picture', 'orders', "Account.Order.$toMillis($substring(Date, 8, 2) & '/' & $substring(Date, 0, 7), '[D01]/[Y0001]-[M01]')"],
  ['numbers formatted', 'orders', "Account.Order.Product.$formatNumber(Price * Quantity, '#,##0.00')"],
  ['$merge and $each', 'orders', 'Account.Order.Product.$merge($each($, function($v, $k) { {$uppercase($k): $type($v)} }))'],
  ['$distinct and $sift', 'orders', "$distinct(Account.Order.Product.Name) ~> $count ~> function($n) { {'n': $n, 'kept': $count($$.Account.Order.Product.$sift(function($v, $k) { $k = 'SKU' }))} }"],
].map(([name, document, expression]) => ({ name, document, expression }));

const [file, directory] = process.argv.slice(2);
if (directory) {
  const sets = join(directory, 'datasets.json');
  const given = existsSync(sets) ? JSON.parse(readFileSync(sets, 'utf8')) : {};
  for (const [name, value] of Object.entries(given)) documents[`given ${name}`] = value;
  const lines = readFileSync(join(directory, 'cases.jsonl'), 'utf8').split('\n').filter(Boolean);
  lines.forEach((line, n) => {
    const given = JSON.parse(line);
    const made = { name: given.case ?? given.name ?? `case ${n + 1}`, expression: given.expr, bindings: given.bindings ?? {}, given: true };
    if (given.dataset) made.document = `given ${given.dataset}`;
    else if (given.data !== undefined) documents[(made.document = `case ${n + 1}`)] = given.data;
    // What is meant to run for ever, or fails, has no speed.
    const ends = given.timelimit === undefined && given.depth === undefined && !given.expect?.error;
    if (typeof given.expr === 'string' && ends) cases.push(made);
  });
}
writeFileSync(file, JSON.stringify({ documents, cases }));
