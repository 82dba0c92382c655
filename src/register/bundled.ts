/**
 * Packages that a bundler has put into one file with the service: no module of theirs is loaded any more, so they are known by their
 * source. Where a file defines one of the methods that every command of a Redis client passes, a look-up is put at its beginning; the
 * first call then finds the class and has it patched like any other. Where it refills a pool of random bytes, the pool is spoilt
 * (random-pools.ts). Line numbers stay as they are.
 */
import { existsSync, readFileSync } from 'node:fs';
import Module, { register } from 'node:module';
import path from 'node:path';
import { attempt, wrapMethod } from './patching.ts';
import { spoil } from './random-pools.ts';

/** Where the bundled code finds the look-up: `(instance, method) => function to call instead, or undefined`. */
const adoptClient = Symbol.for('foreshard.adoptClient');
const spoilPool = Symbol.for('foreshard.spoilPool');

const methods = ['initPromise', 'addCommand', 'internal_send_command', 'trackingOn'];
const definition = /(?<![.\w$])(initPromise|addCommand|trackingOn)\s*\([^()]*\)\s*\{|\.(initPromise|addCommand|internal_send_command)\s*=\s*function\b[^(]*\([^()]*\)\s*\{/g;

/** node-redis' pool: the method's name is a common one, so it is looked for only where another name of the pool is. */
const poolMethod = /(?<![.\w$])(execute)\s*\([^()]*\)\s*\{/g;

/** A refill as nanoid and uuid have it: the position is set to 0 right after. */
const refill = /\b(randomFillSync|getRandomValues)\(\s*([\w$]+)\s*\)(?=\s*[;,)]\s*[\w$]+\s*=\s*0\b)/g;
/** How far before a refill its condition may begin. */
const conditionChars = 300;

/** The source with what has to be known of bundled packages put in; the same text where there is nothing. */
export function markBundled(source: string): string {
  return markPools(markClients(source));
}

function markClients(source: string): string {
  if (!methods.some(method => source.includes(method))) return source;
  const marked = source.replace(definition, withLookUp);
  return source.includes('tasksQueueLength') ? marked.replace(poolMethod, withLookUp) : marked;
}

function withLookUp(head: string, method: string | undefined, assigned: string | undefined): string {
  const name = method ?? (typeof assigned === 'string' ? assigned : '');
  return `${head}var $fs=globalThis[Symbol.for("foreshard.adoptClient")];$fs=$fs&&$fs(this,"${name}");if($fs)return $fs.apply(this,arguments);`;
}

function markPools(source: string): string {
  if (!source.includes('randomFillSync') && !source.includes('getRandomValues')) return source;
  return source.replace(refill, (call: string, fill: string, pool: string, at: number) => {
    const before = source.slice(Math.max(0, at - conditionChars), at).replaceAll(/\s/g, '');
    const comparesLength = before.includes(`${pool}.length<`) || before.includes(`>${pool}.length`);
    return comparesLength ? `${fill}((globalThis[Symbol.for("foreshard.spoilPool")]||(p=>p))(${pool}))` : call;
  });
}

/** Files of an ESM service that are looked through for bundled packages. */
const mostFiles = 64;

/** Whether the ES module that is started, or one it imports by a relative path, has such a package in it. */
export function holdsBundled(entry: string): boolean {
  const waiting = [entry];
  const seen = new Set(waiting);
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      continue; // it will not be loaded either
    }
    if (markBundled(text) !== text) return true;
    for (const [, specifier = ''] of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["'](\.{1,2}\/[^"'\n]+)["']/g)) {
      const next = path.resolve(path.dirname(file), specifier);
      if (seen.size >= mostFiles || seen.has(next)) continue;
      seen.add(next);
      waiting.push(next);
    }
  }
  return false;
}

/** Whether Node.js loads this file as an ES module. */
function isEsm(file: string): boolean {
  if (file.endsWith('.mjs')) return true;
  if (!file.endsWith('.js')) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest)) return (JSON.parse(readFileSync(manifest, 'utf8')) as { type?: unknown }).type === 'module';
    if (folder === path.dirname(folder)) return false;
  }
}

/** @param adopt patches the class of a client it has not met before, and gives the patched method */
export function installBundled(adopt: (instance: object, method: string) => unknown): void {
  Object.defineProperty(globalThis, adoptClient, { value: adopt });
  Object.defineProperty(globalThis, spoilPool, { value: spoil });
  wrapMethod(Module.prototype, '_compile', original => function (this: unknown, ...args) {
    const [source, ...rest] = args;
    return Reflect.apply(original, this, [typeof source === 'string' ? markBundled(source) : source, ...rest]);
  });
  attempt('ESM bundles', () => {
    const entry = process.argv[1];
    // The hooks run in a thread of their own, which costs a start: only where they have something to do.
    if (entry !== undefined && isEsm(entry) && holdsBundled(entry)) register('./esm-hooks.js', import.meta.url);
  });
}
