import { connect } from 'node:net';
import { pathToFileURL } from 'node:url';
import { preloadSettingsVariable } from '../model/preload-protocol.ts';
import type { PreloadSettings, Redirect } from '../model/preload-protocol.ts';
import { fillPlaceholders, leadCommand, leadEnvironment, pastProxies, splitAddress } from './environment.ts';
import type { StartOptions } from './instance.ts';
import { join } from './join.ts';
import { newMark } from './launch.ts';
import type { LaunchSpec } from './launch.ts';
import { openLocalDoors, socketFolder } from './local-doors.ts';
import { namespaceSupport } from './namespace.ts';
import type { Route } from './namespace.ts';
import { placedRedirects, placeholderValues } from './placeholders.ts';
import { planAddresses, runsNode } from './plan-addresses.ts';
import type { AddressPlan, Learnt } from './plan-addresses.ts';
import { freePort, loopbackListeners } from './ports.ts';
import type { PreloadLink } from './preload-link.ts';

/** A start that is planned. */
export interface Draft {
  readonly plan: AddressPlan;
  readonly spec: LaunchSpec;
  readonly unled: readonly Redirect[];
  /** Redirects that its inherited environment alone speaks of: it may have them in its code all the same. */
  readonly unproven: readonly Redirect[];
  readonly ports: readonly number[];
  /** In a network of its own: the ways out of it beside the gateways. */
  readonly doors: (link: PreloadLink) => Route[];
  /** The preload is put in. */
  readonly preload: boolean;
  /** A clock is put in. */
  readonly fakeClock: boolean;
  /** It did not start with a clock in it. */
  readonly bearsNoClock: boolean;
  /** Names this start towards the preload. */
  readonly instance: string;
  /** Closes what was opened for it. */
  readonly close: () => Promise<void>;
}

/** Plans a start: how its connections are led, on which port, and with what environment. @throws ForeshardError `config_invalid`, `lane_unavailable` */
export async function draftOf(options: StartOptions, learnt: Learnt): Promise<Draft> {
  const inherited = definedEnvironment();
  const node = runsNode(options.command, options.env['PATH'] ?? inherited['PATH'] ?? '');
  const texts = [...options.command, ...Object.values(options.env)];
  const placed = placedRedirects(options.redirects, texts);
  const ledByEnvironment = leadEnvironment({ ...inherited, ...options.env }, options.redirects).led;
  const ledByCommand = leadCommand(options.command, options.redirects).led;
  const ledByGiven = leadEnvironment(options.env, options.redirects).led;
  const isSure = (redirect: Redirect): boolean => placed.has(redirect) || ledByCommand.has(redirect) || ledByGiven.has(redirect);
  const byInheritance = options.redirects.filter((redirect) => !isSure(redirect) && ledByEnvironment.has(redirect));
  const unled = options.redirects.filter((redirect) => !isSure(redirect) && (!ledByEnvironment.has(redirect) || learnt.addresses.get(redirect.from) === 'code'));
  const namespaces = options.isolation === 'none' ? false : await namespaceSupport() !== null;
  const plan = planAddresses({ command: options.command, preload: options.preload, isolation: options.isolation, unled, namespaces, node, learnt });
  const preload = options.preload === 'auto' && learnt.preloaded !== false;
  const fakeClock = options.fakeClock === true && learnt.fakeClock !== false && !(preload && (learnt.preloaded ?? node));
  // The preload moves listeners and a namespace has every port free: only elsewhere must the service be asked for another one.
  const keepsPort = plan === 'namespace' || (preload && (learnt.preloaded ?? node));
  const port = keepsPort ? options.port ?? await freePort() : await freePort();
  const offerPort = options.env['PORT'] === undefined && !(keepsPort && plan !== 'namespace');
  const values = placeholderValues(options.redirects, port);
  const filled = Object.fromEntries(Object.entries(options.env).map(([name, text]) => [name, fillPlaceholders(text, values)]));
  const env: Record<string, string> = { ...inherited, ...(offerPort ? { PORT: String(port) } : {}), ...filled };
  Object.assign(env, pastProxies(env, options.redirects.flatMap(({ from, to }) => [splitAddress(from).host, to.host])));
  const command = options.command.map((word) => fillPlaceholders(word, values));
  // Each start has a name of its own: what the processes of an earlier one said last is not taken for this one's.
  const instance = `${options.id}~${newMark()}`;
  const doors = preload && options.accept !== undefined ? await openLocalDoors(options.redirects, options.accept) : { redirects: options.redirects, close: async () => {} };
  const ports = [...new Set([...(options.port === undefined ? [] : [options.port]), Number(filled['PORT'] ?? port), port])].filter((candidate) => candidate > 0);
  return {
    plan, unled, ports, doors: (link) => (learnt.needsPorts === true ? [] : doorsInside(options, ports, link)), unproven: (plan === 'env' || plan === 'preload') && namespaces ? byInheritance.filter(({ from }) => !learnt.addresses.has(from)) : [], preload, fakeClock, bearsNoClock: learnt.fakeClock === false, instance, close: doors.close,
    spec: {
      command: leadCommand(command, options.redirects).value,
      cwd: options.cwd,
      env: { ...leadEnvironment(env, options.redirects).value, ...(preload ? preloadEnvironment({ ...options, redirects: doors.redirects }, instance, env['NODE_OPTIONS']) : {}) },
    },
  };
}

function definedEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) env[name] = value;
  }
  return env;
}

function preloadEnvironment(options: StartOptions, instance: string, nodeOptions: string | undefined): Record<string, string> {
  const folder = socketFolder();
  const settings: PreloadSettings = {
    control: options.control.address,
    instance,
    redirects: options.redirects,
    determinism: options.determinism,
    backgroundClockOffsetMs: options.backgroundClockOffsetMs,
    moveListeners: true,
    ...(folder === undefined ? {} : { socketFolder: folder }),
  };
  // as a URL: NODE_OPTIONS is split at spaces
  const flag = `--import=${pathToFileURL(options.registerPath).href}`;
  return { NODE_OPTIONS: nodeOptions === undefined || nodeOptions === '' ? flag : `${nodeOptions} ${flag}`, [preloadSettingsVariable]: JSON.stringify(settings) };
}

/**
 * Doors to the other servers on this machine's loopback, such as a database that is not recorded. A connection through one is told. The service's own ports stay free,
 * as far as they are known.
 */
function doorsInside(options: StartOptions, ports: readonly number[], link: PreloadLink): Route[] {
  const taken = new Set([...ports, ...options.redirects.flatMap(({ from, to }) => [splitAddress(from).port, to.port])]);
  return loopbackListeners().filter((port) => !taken.has(port)).map((port) => {
    const to = { host: '127.0.0.1', port };
    return {
      from: `127.0.0.1:${port}`, to, isOptional: true,
      accept: (connection) => {
        link.noteDirect(to);
        join(connection, connect(to));
      },
    };
  });
}
