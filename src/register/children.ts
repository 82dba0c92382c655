/**
 * Processes that a request starts: they belong to it, and it is pending until they are gone. Worker threads load the preload too, but
 * AsyncLocalStorage does not cross to them: their commands have no tag.
 */
import childProcess from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inheritedTagVariable, preloadSettingsVariable } from '../model/preload-protocol.ts';
import { contextForChild, currentContext, hold, release } from './context.ts';
import { wrapMethod } from './patching.ts';

/** How long after its exit the output of a process may still be on its way. */
const outputMs = 1000;

type Environment = Record<string, string | undefined>;

/** The variables that carry the request, and the preload itself where the service passes an environment of its own making. */
function variablesFor(tag: string, given: Environment, preloadUrl: string): Environment {
  const variables: Environment = { [inheritedTagVariable]: tag };
  if (given[preloadSettingsVariable] === undefined) variables[preloadSettingsVariable] = process.env[preloadSettingsVariable];
  const options = given['NODE_OPTIONS'] ?? '';
  if (!options.includes(preloadUrl) && !options.includes(fileURLToPath(preloadUrl)) && !options.includes('foreshard/register')) {
    variables['NODE_OPTIONS'] = `${options} --import ${preloadUrl}`.trim();
  }
  return variables;
}

function fromPairs(pairs: readonly string[]): Environment {
  return Object.fromEntries(pairs.map(pair => [pair.slice(0, pair.indexOf('=', 1)), pair.slice(pair.indexOf('=', 1) + 1)]));
}

function patchSpawn(preloadUrl: string): void {
  wrapMethod(childProcess.ChildProcess.prototype, 'spawn', original => function (this: unknown, ...args) {
    const context = currentContext();
    const options = args[0] as { envPairs?: string[] } | undefined;
    if (context === undefined || typeof options !== 'object') return Reflect.apply(original, this, args);
    const environment = options.envPairs === undefined ? { ...process.env } : fromPairs(options.envPairs);
    Object.assign(environment, variablesFor(contextForChild(context), environment, preloadUrl));
    options.envPairs = Object.entries(environment).flatMap(([name, value]) => value === undefined ? [] : [`${name}=${value}`]);
    const result = Reflect.apply(original, this, args);
    if (result === 0) {
      hold(context);
      endOf(this as childProcess.ChildProcess, () => release(context));
    }
    return result;
  });
}

/** When the last of its output has come, which may be after its exit; what still holds the pipes later than that is a process that lives on. */
function endOf(child: childProcess.ChildProcess, ended: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    clearTimeout(timer);
    ended();
  };
  child.once('close', end);
  child.once('exit', () => (timer = setTimeout(() => {
    child.off('close', end);
    end();
  }, outputMs).unref()));
}

/** The synchronous ones block the process, so they cannot be pending; they need the variables alone. */
function patchSync(name: 'spawnSync' | 'execFileSync' | 'execSync', preloadUrl: string): void {
  wrapMethod(childProcess, name, original => function (this: unknown, ...args) {
    const context = currentContext();
    if (context === undefined) return Reflect.apply(original, this, args);
    const at = name === 'execSync' || (args.length > 1 && !Array.isArray(args[1])) ? 1 : 2;
    const options = (args[at] ?? {}) as { env?: Environment };
    const env = options.env ?? process.env;
    const withOptions = [...args];
    if (at === 2) withOptions[1] ??= [];
    withOptions[at] = { ...options, env: { ...env, ...variablesFor(contextForChild(context), env, preloadUrl) } };
    return Reflect.apply(original, this, withOptions);
  });
}

/** Patches node:child_process. `preloadUrl`: the file URL of register.js. */
export function installChildren(preloadUrl: string): void {
  patchSpawn(preloadUrl);
  for (const name of ['spawnSync', 'execFileSync', 'execSync'] as const) patchSync(name, preloadUrl);
}
