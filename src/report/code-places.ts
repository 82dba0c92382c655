/*
 * Where code stands is nothing a service promises: a line added above a function moves every line and column below it in the stack
 * traces that answers and failed jobs carry, and a moved file changes paths. Messages, function names and the order of frames stay.
 * Limit: the lines of source that Python and Ruby quote under a frame are compared as text.
 */

/** What stands for a place in the code. */
const somewhere = '…';

const frames: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // V8: `at name (/app/lib/cart.js:12:34)`, `at file:///app/index.mjs:3:1`, `at async name (node:internal/…:1:2)`
  [/(\bat (?:[^\n()"]{1,200} \()?)(?:file:\/\/|node:|\/|[A-Za-z]:[\\/])[^\s()"<>]{1,1000}?:\d+:\d+(?![\d:])/g, `$1${somewhere}`],
  // Python: `File "/app/cart.py", line 12, in name`; in JSON and HTML with its quotes escaped
  [/(\bFile (?:\\?"|&quot;|&#34;))[^\n"&]{1,1000}?((?:\\?"|&quot;|&#34;), line )\d+/g, `$1${somewhere}$2${somewhere}`],
  // JVM: `at shop.Cart.add(Cart.java:12)`
  [/(\bat [\w$.<>/]{1,300}\()[\w$]{1,200}\.(?:java|kt|scala|groovy):\d+\)/g, `$1${somewhere})`],
  // Go: a line of its own under the function's
  [/^(\t)\S{1,1000}\.go:\d+(?: \+0x[0-9a-f]+)?$/gm, `$1${somewhere}`],
  // Ruby: `/app/cart.rb:12:in 'name'`
  [/(?<=^|[\s"'(`])[^\s"'()`]{1,1000}\.rb:\d+(?=:in )/g, somewhere],
];

/** A text with the places in stack traces taken out: `at add (/app/cart.js:12:34)` becomes `at add (…)`. */
export function withoutCodePlaces(text: string): string {
  if (!/:\d|line \d/.test(text)) return text; // every pattern is bounded where it begins: texts may have megabytes
  return frames.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
}
