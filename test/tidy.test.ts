import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const src = fileURLToPath(new URL('../src', import.meta.url));

/**
 * Which folders each folder of src may import, types included. A stage never imports another stage; only foreshard.ts, replaying.ts and what stands
 * in front of it (cli, runners) knows several.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  model: ['lib'],
  keyspace: ['model', 'lib'],
  register: ['model', 'lib'],
  gateways: ['keyspace', 'model', 'lib'],
  lanes: ['model', 'lib'],
  recordings: ['model', 'lib'],
  importers: ['keyspace', 'model', 'lib'],
  'state-nodes': ['gateways', 'model', 'lib'],
  predict: ['model', 'lib'],
  forecasters: ['predict', 'lib'],
  shard: ['model', 'lib'],
  record: ['gateways', 'lanes', 'model', 'lib'],
  replay: ['gateways', 'lanes', 'keyspace', 'model', 'lib'],
  report: ['model', 'lib'],
  dashboard: ['model', 'lib'],
  testing: ['state-nodes', 'model', 'lib'],
  config: ['model', 'lib'],
  'foreshard.ts': ['*'],
  'replaying.ts': ['*'],
  'clustering.ts': ['*'],
  'forecast.ts': ['predict', 'forecasters', 'importers', 'recordings', 'config', 'model', 'lib'],
  runners: ['*'],
  cli: ['*'],
  'index.ts': ['*'],
};

/** Folders without I/O, clock or randomness of their own: no built-in modules, no packages. */
const pure = new Set(['lib', 'model', 'keyspace', 'predict', 'shard']);
/** Exceptions with their reason. */
const builtinExceptions = new Map([['lib/content-hash.ts', 'node:crypto: SHA-256 in plain JavaScript is four times slower']]);

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(folder: string): SourceFile[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const full = join(entry.parentPath, entry.name);
      const path = relative(src, full);
      const text = readFileSync(full, 'utf8');
      const imports = [...text.matchAll(/(?:^|\n)\s*(?:import|export)[^;'"]*?from\s*'([^']+)'|import\s*\(\s*'([^']+)'\s*\)|(?:^|\n)import '([^']+)'/g)].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
      return { path, folder: path.split('/')[0] as string, text, imports };
    });
}

const files = sources(src);
const code = files.filter((file) => !file.path.endsWith('.test.ts'));

test('the arrows between folders run one way', () => {
  const problems: string[] = [];
  for (const file of code) {
    const may = allowed[file.folder];
    if (may === undefined) problems.push(`${file.path}: src/${file.folder} is not in the table of layers`);
    for (const specifier of file.imports.filter((name) => name.startsWith('.'))) {
      const target = relative(src, resolve(dirname(join(src, file.path)), specifier)).split('/')[0] as string;
      if (target === file.folder || may === undefined || may.includes('*') || may.includes(target)) continue;
      problems.push(`${file.path}: ${file.folder} must not import ${target} (${specifier})`);
    }
  }
  expect(problems).toEqual([]);
});

test('pure folders import no built-in module and no package', () => {
  const problems = code
    .filter((file) => pure.has(file.folder) && !builtinExceptions.has(file.path))
    .flatMap((file) => file.imports.filter((name) => !name.startsWith('.')).map((name) => `${file.path}: ${file.folder} is pure and must not import ${name}`));
  expect(problems).toEqual([]);
});

test('pure folders use no clock and no randomness of their own', () => {
  const problems = code
    .filter((file) => pure.has(file.folder))
    .flatMap((file) => ['Date.now(', 'Math.random(', 'performance.now(', 'new Date()', 'setTimeout('].filter((word) => stripComments(file.text).includes(word)).map((word) => `${file.path}: ${word})`));
  expect(problems).toEqual([]);
});

test('no import cycles between files', () => {
  const graph = new Map(code.map((file) => [file.path, runtimeImports(file)]));
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  expect(cycles).toEqual([]);
});

/** Imports that stand at run time: `import type` is allowed to look back. */
function runtimeImports(file: SourceFile): string[] {
  return [...file.text.matchAll(/(?:^|\n)(?:import|export)\s+(?!type\b)[^;'"]*?from\s*'(\.[^']+)'/g)]
    .map((match) => relative(src, resolve(dirname(join(src, file.path)), match[1] as string)));
}

function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}

test('nothing is left over', () => {
  const leftovers = [/\bTODO\b/, /\bFIXME\b/, /@ts-(ignore|nocheck|expect-error)/, /(eslint|oxlint)-disable/, /\bas any\b/, /[\w)\]]\??: any(?=[;,)\]>=]| =|\[\])/, /\b(test|it|describe)\.only\(/];
  const problems = files.flatMap((file) => leftovers.filter((pattern) => pattern.test(stripComments(file.text)) || (pattern.source.includes('TODO') && pattern.test(file.text))).map((pattern) => `${file.path}: ${pattern.source}`));
  expect(problems).toEqual([]);
});

test('every exported name of a file says what it is for', () => {
  const problems: string[] = [];
  for (const file of code) {
    const lines = file.text.split('\n');
    lines.forEach((line, index) => {
      if (!/^export (?:async )?(?:function|class|interface)\b/.test(line)) return;
      let above = index - 1;
      while (above >= 0 && lines[above] === '') above--;
      if (!/\*\/\s*$/.test(lines[above] ?? '') && !(lines[above] ?? '').startsWith('export ')) problems.push(`${file.path}:${index + 1}: ${line.trim()}`);
    });
  }
  expect(problems).toEqual([]);
});
