import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ForeshardError } from '../model/errors.ts';
import type { Redirect } from '../model/preload-protocol.ts';
import type { ControlServer } from './control-server.ts';
import { draftOf } from './draft.ts';
import type { Draft } from './draft.ts';
import { cannotStart, FakeClock } from './fake-clock.ts';
import { splitAddress } from './environment.ts';
import { IdleHabits } from './idle-habits.ts';
import { listenAndRelay } from './join.ts';
import type { Destination } from './join.ts';
import { launch } from './launch.ts';
import type { Launched } from './launch.ts';
import { launchInNamespace, unavailable } from './namespace.ts';
import type { Route } from './namespace.ts';
import type { Learnt } from './plan-addresses.ts';
import { isFree } from './ports.ts';
import { PreloadLink } from './preload-link.ts';
import { waitReady } from './readiness.ts';
import { ServiceInstance } from './service-instance.ts';

export { ServiceInstance } from './service-instance.ts';

/** What an instance of a service is started from. */
export interface StartOptions {
  /** Names the lane. */
  readonly id: string;
  /** argv; may hold placeholders. */
  readonly command: readonly string[];
  readonly cwd: string;
  /** Added to our own environment; values may hold placeholders. */
  readonly env: Readonly<Record<string, string>>;
  /** The port that the service believes it listens on. */
  readonly port?: number;
  /** Path polled until it answers with a status below 500 other than 404; undefined: it is ready when it listens. */
  readonly readyPath?: string;
  readonly readyTimeoutMs: number;
  /** Addresses in the service's code or settings, and the lane's gateways. */
  readonly redirects: readonly Redirect[];
  /**
   * Takes over a connection made to a redirect's address where we listen there ourselves. Without it such a connection is relayed to `to`,
   * and what is under way between the two is not seen when a lane is asked whether it is idle.
   */
  readonly accept?: (redirect: Redirect, connection: Socket) => void;
  readonly determinism: 'request' | 'real';
  readonly backgroundClockOffsetMs: number;
  /** Where the preload is not in, put in a clock that starts with the background's offset and {@link ServiceInstance.setClock} sets (fake-clock.ts). */
  readonly fakeClock?: boolean;
  /** auto: `--import registerPath` is put into NODE_OPTIONS, so that it reaches Node.js through npm, tsx or a shell. */
  readonly preload: 'auto' | 'off';
  readonly isolation: 'auto' | 'none' | 'namespace';
  readonly control: ControlServer;
  /** The preload's file. */
  readonly registerPath: string;
  /** Gives up waiting for readiness when it is aborted. */
  readonly signal?: AbortSignal;
}

const maxAttempts = 3;

/** What earlier starts have shown, per tool and command: the second lane need not find it out again. */
const memory = new WeakMap<ControlServer, Map<string, LearntOfService>>();

interface LearntOfService extends Learnt {
  readonly habits: IdleHabits;
}

function learntOf({ control, command, cwd }: StartOptions): LearntOfService {
  const known = memory.get(control) ?? new Map<string, LearntOfService>();
  memory.set(control, known);
  const key = JSON.stringify([cwd, command]);
  const learnt = known.get(key) ?? { addresses: new Map(), habits: new IdleHabits() };
  known.set(key, learnt);
  return learnt;
}

/**
 * Starts one instance of a service, with its connections led to the lane's gateways, and waits until it is ready.
 * @throws ForeshardError `service_not_started`, `service_died`, `service_not_ready`, `lane_unavailable`, `port_in_use`, `config_invalid`, `interrupted`

 */
export async function startInstance(options: StartOptions): Promise<ServiceInstance> {
  const learnt = learntOf(options);
  for (let attempt = 1; ; attempt++) {
    const draft = await draftOf(options, learnt);
    try {
      const instance = await startAs(options, draft);
      learnt.preloaded = instance.preloaded;
      if (instance.preloaded && attempt < maxAttempts && (draft.fakeClock || (draft.plan === 'namespace' && options.isolation === 'auto'))) {
        await instance.stop(); // Node.js after all: the preload is its clock and leads its connections, and the rest of the network stays reachable
        continue;
      }
      if (attempt < maxAttempts && await instance.goesPast()) {
        await instance.stop();
        continue;
      }
      if (instance.preloaded || draft.plan === 'namespace' || draft.plan === 'original-port' || draft.unled.length === 0) return instance;
      await instance.stop(); // it looked like Node.js and is something else: what it has in its code must be met otherwise
      if (attempt >= maxAttempts) throw unavailable(`${options.id}: nothing leads ${draft.unled.map(({ from }) => from).join(', ')} to the gateways`);
    } catch (error) {
      if (attempt >= maxAttempts || !await learnFrom(error, { options, draft, learnt, attempt })) throw error;
    }
  }
}

/** How programs say that somebody else listens where they want to. */
const portTaken = /EADDRINUSE|address (?:is )?already in use|(?:connection|port \d+|address) (?:is )?(?:already )?in use|port is already allocated|Only one usage of each socket address/i;

interface FailedStart {
  readonly options: StartOptions;
  readonly draft: Draft;
  readonly learnt: Learnt;
  readonly attempt: number;
}

/** Whether a failed start has shown something that makes another one worth it. */
async function learnFrom(error: unknown, { options, draft, learnt, attempt }: FailedStart): Promise<boolean> {
  if (!(error instanceof ForeshardError)) return false;
  if (error.code === 'service_not_ready' && draft.fakeClock && learnt.fakeClock !== false) {
    learnt.fakeClock = false; // it may hang with it
    return true;
  }
  const inCode = [...learnt.addresses].filter(([, where]) => where === 'code');
  if (draft.plan === 'namespace' && inCode.length > 0 && ['service_died', 'service_not_ready', 'lane_unavailable'].includes(error.code)) {
    for (const [address] of inCode) learnt.addresses.set(address, 'environment'); // it does not bear a network of its own
    return true;
  }
  if (error.code !== 'service_died') return false;
  if (draft.plan === 'namespace' && learnt.needsPorts !== true && portTaken.test(error.message)) {
    learnt.needsPorts = true; // one of its own ports is a door of ours
    return true;
  }
  if (draft.preload && learnt.preloaded !== false && /not allowed in NODE_OPTIONS|bad option: --import/i.test(error.message)) {
    learnt.preloaded = false; // a Node.js from before --import
    return true;
  }
  if (draft.plan === 'namespace' || learnt.fixedPort === true || !portTaken.test(error.message)) {
    const withClock = draft.fakeClock && learnt.fakeClock !== false;
    learnt.fakeClock = false; // it may not bear a library put into it
    return withClock;
  }
  // Someone may have taken the port that it was offered: once more with another. Otherwise it listens where it likes.
  const ownPortTaken = options.port !== undefined && !await isFree('127.0.0.1', options.port);
  if (ownPortTaken || attempt > 1) learnt.fixedPort = true;
  return true;
}

async function startAs(options: StartOptions, draft: Draft): Promise<ServiceInstance> {
  const link = new PreloadLink(options.control, draft.instance);
  const closers: (() => Promise<void>)[] = [draft.close];
  const preloaded = draft.spec.env['LD_PRELOAD'] ?? '';
  // a service that is started under libfaketime has its clock already
  const clock = draft.fakeClock && !preloaded.includes('faketime') ? FakeClock.create(options.backgroundClockOffsetMs) : null;
  const env = { ...draft.spec.env, ...clock?.environment(preloaded) };
  let launched: Launched | null = null;
  try {
    if (draft.plan === 'original-port') closers.push(...await standAtOriginalPorts(options, draft.unled));
    const spec = { ...draft.spec, env };
    launched = draft.plan === 'namespace' ? await launchInNamespace(spec, [...routesInside(options), ...draft.doors(link)]) : await launch(spec);
    const ready = await waitReady({
      launched, link, mayBePreloaded: draft.preload, ports: draft.ports, isPortNamed: options.port !== undefined, readyPath: options.readyPath, timeoutMs: options.readyTimeoutMs,
      name: `the service (${options.id}: ${options.command.join(' ')})`, ownNetwork: draft.plan === 'namespace', signal: options.signal,
      ...(clock === null ? {} : { hopeless: cannotStart }),
    });
    const instance = new ServiceInstance({
      id: options.id, ready, plan: draft.plan, launched, link, habits: learntOf(options).habits, clock, bearsNoClock: options.fakeClock === true && draft.bearsNoClock, closers, unproven: ready.preloaded ? [] : draft.unproven,
      onProof: (address, where) => learntOf(options).addresses.set(address, where),
    });
    await instance.settle();
    return instance;
  } catch (error) {
    link.close();
    await launched?.stop();
    clock?.close(launched === null ? [] : [launched.pid]);
    await Promise.all(closers.map((close) => close()));
    throw error;
  }
}

/** Inside a namespace everything that the service may be told to speak to has to be there, at the same address. */
function routesInside(options: StartOptions): Route[] {
  const routes: Route[] = [];
  const control = options.control.address;
  for (const redirect of options.redirects) {
    const { from, to } = redirect;
    const destination = destinationOf(options, redirect);
    routes.push({ from, ...destination }, { from: `${to.host}:${to.port}`, ...destination });
  }
  routes.push({ from: `${control.host}:${control.port}`, to: control });
  return routes;
}

function destinationOf({ accept }: StartOptions, redirect: Redirect): Destination {
  return { to: redirect.to, ...(accept === undefined ? {} : { accept: (connection) => accept(redirect, connection) }) };
}

async function standAtOriginalPorts(options: StartOptions, redirects: readonly Redirect[]): Promise<(() => Promise<void>)[]> {
  const closers: (() => Promise<void>)[] = [];
  try {
    for (const redirect of redirects) {
      const { from } = redirect;
      const { host, port } = splitAddress(from);
      closers.push(await listenAndRelay({ host: host === 'localhost' ? '127.0.0.1' : host, port }, destinationOf(options, redirect)).catch(async (error: unknown) => {
        await delay(0);
        throw unavailable(`the service has ${from} in its code, and the gateway cannot stand there: ${error instanceof Error ? error.message : String(error)}`, error);
      }));
    }
    return closers;
  } catch (error) {
    await Promise.all(closers.map((close) => close()));
    throw error;
  }
}
