import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, isIP } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deferred } from '../lib/deferred.ts';
import { ForeshardError } from '../model/errors.ts';
import { splitAddress } from './environment.ts';
import { relay } from './join.ts';
import type { Destination } from './join.ts';
import { newMark, notStarted } from './launch.ts';
import type { Exit, LaunchSpec, Launched } from './launch.ts';
import { registerChild, stopGroup } from './live-children.ts';
import type { Endpoint, FromForwarder, ToForwarder } from './namespace-protocol.ts';
import { OutputTail } from './output-tail.ts';
import { ProcessTree, instanceVariable } from './process-tree.ts';

/**
 * A lane with a network and a hosts file of its own (Linux): addresses in a service's code lead to the lane's gateways, whatever language it is
 * written in, and several instances listen on the same port. Needs root or unprivileged user namespaces. Inside there is nothing but the
 * loopback: of what no gateway stands for, only servers on this machine's loopback can be reached, by doors that lead there.
 */

/** Brings the loopback up with what is at hand, adds addresses and binds the hosts file, then becomes the command. */
const enter = `
set -e
ip link set lo up 2>/dev/null ||
perl -e 'socket(S,2,2,0) or die; ioctl(S,0x8914,pack("a16sx14","lo",0x49)) or die' 2>/dev/null ||
python3 -c 'import fcntl,socket,struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x49))'
for address in $FORESHARD_ADDRESSES; do ip addr add "$address/32" dev lo 2>/dev/null || true; done
if [ -n "$FORESHARD_HOSTS" ]; then mount --bind "$FORESHARD_HOSTS" /etc/hosts; fi
unset FORESHARD_ADDRESSES FORESHARD_HOSTS
exec "$@"
`;

let support: Promise<readonly string[] | null> | null = null;

/** The arguments with which \`unshare\` works here; null where it does not. Found out once. */
export function namespaceSupport(): Promise<readonly string[] | null> {
  support ??= detect();
  return support;
}

async function detect(): Promise<readonly string[] | null> {
  if (process.platform !== 'linux') return null;
  for (const flags of [['-n', '-m'], ['-r', '-n', '-m']]) {
    const works = await new Promise<boolean>((resolve) => {
      execFile('unshare', [...flags, '--', 'sh', '-c', enter, 'sh', 'true'], { env: { PATH: process.env['PATH'], FORESHARD_HOSTS: '/dev/null' }, timeout: 10_000 }, (error) => resolve(error === null));
    });
    if (works) return flags;
  }
  return null;
}

/** An address inside the namespace and where its connections go outside. */
export interface Route extends Destination {
  /** host:port as the service has it; host names get an address of their own. */
  readonly from: string;
  /** The service may go without it. */
  readonly isOptional?: boolean;
}

const loopback = new Set(['localhost', '127.0.0.1', '::1']);

interface InsideNetwork {
  readonly hosts: string;
  /** Addresses to be added to the loopback device. */
  readonly addresses: readonly string[];
  readonly listeners: readonly { readonly at: Endpoint; readonly destination: Destination; readonly optional: boolean }[];
}

/** Gives host names addresses and lists where to listen. */
export function insideNetwork(routes: readonly Route[]): InsideNetwork {
  const names = new Map<string, string>();
  const addresses = new Set<string>();
  const listeners = new Map<string, { at: Endpoint; destination: Destination; optional: boolean }>();
  for (const { from, isOptional = false, ...destination } of routes) {
    const { host, port } = splitAddress(from);
    const add = (at: string, optional = isOptional): void => {
      if (!listeners.has(`${at} ${port}`)) listeners.set(`${at} ${port}`, { at: { host: at, port }, destination, optional });
    };
    const lower = host.toLowerCase();
    if (loopback.has(lower)) {
      add('127.0.0.1');
      add('::1', true); // where the kernel has IPv6
    } else if (isIP(host) !== 0) {
      if (!host.startsWith('127.')) addresses.add(host);
      add(host);
    } else {
      const address = names.get(lower) ?? `127.77.${Math.floor(names.size / 250)}.${(names.size % 250) + 1}`;
      names.set(lower, address);
      add(address);
    }
  }
  const lines = ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback'];
  for (const [name, address] of names) lines.push(`${address} ${name}`);
  lines.push(`127.0.0.1 ${hostname()}`); // the first line with a name counts
  return { hosts: `${lines.join('\n')}\n`, addresses: [...addresses], listeners: [...listeners.values()] };
}

/** The forwarder as JavaScript, also when this runs from TypeScript sources. */
function forwarderPath(): string {
  const own = fileURLToPath(new URL('./namespace-forwarder.js', import.meta.url));
  return import.meta.url.endsWith('.ts') ? own.replace(/([\\/])src([\\/]lanes[\\/])/, '$1dist$2') : own;
}

/**
 * Starts a program in a namespace of its own where every route leads to its gateway.
 * @throws ForeshardError `lane_unavailable` where namespaces do not work, `service_not_started`
 */
export async function launchInNamespace(spec: LaunchSpec, routes: readonly Route[]): Promise<Launched> {
  const flags = await namespaceSupport();
  if (flags === null) throw unavailable('network namespaces are not available here');
  const network = insideNetwork(routes);
  const folder = await mkdtemp(joinPath(tmpdir(), 'foreshard-lane-'));
  const hosts = joinPath(folder, 'hosts');
  await writeFile(hosts, network.hosts);
  const inside = new Inside(spec, flags, { FORESHARD_HOSTS: hosts, FORESHARD_ADDRESSES: network.addresses.join(' ') });
  try {
    await inside.up();
    for (const { at, destination, optional } of network.listeners) await inside.listen(at, destination, optional);
    return await inside.start(() => rm(folder, { recursive: true, force: true }));
  } catch (error) {
    await inside.close();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** That a lane cannot have its own addresses, and what to do. */
export function unavailable(reason: string, cause?: unknown): ForeshardError {
  return new ForeshardError('lane_unavailable', reason, {
    hint: 'let the service take its addresses from the environment (placeholders such as {redis.url} and {port}), run one lane with the original port free, '
      + 'or run as root or with user namespaces enabled (sysctl kernel.unprivileged_userns_clone=1)',
    ...(cause === undefined ? {} : { cause }),
  });
}

type Reply<T extends FromForwarder['type']> = FromForwarder & { readonly type: T };

/** The forwarder process, seen from outside. */
class Inside {
  readonly #spec: LaunchSpec;
  readonly #child: ChildProcess;
  readonly #output = new OutputTail();
  readonly #mark = newMark();
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #exited = deferred<Exit>();
  readonly #exposed = new Map<string, Promise<Endpoint>>();
  readonly #ended: Promise<void>;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(spec: LaunchSpec, flags: readonly string[], extra: Readonly<Record<string, string>>) {
    this.#spec = spec;
    const path = forwarderPath();
    this.#child = spawn('unshare', [...flags, '--', 'sh', '-c', enter, 'sh', process.execPath, path], {
      cwd: spec.cwd, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true,
      env: { PATH: process.env['PATH'], ...extra, [instanceVariable]: this.#mark },
    });
    this.#output.follow(this.#child.stdout);
    this.#output.follow(this.#child.stderr);
    if (this.#child.pid !== undefined) registerChild(this.#child.pid, new ProcessTree(this.#child.pid, this.#mark));
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
    void this.#ended.then(() => this.#exited.resolve({ code: null, signal: 'SIGKILL' }));
    this.#child.on('message', (message: FromForwarder) => {
      if (message.type === 'exit') this.#exited.resolve({ code: message.code, signal: message.signal });
    });
  }

  async up(): Promise<void> {
    await this.#reply('up');
  }

  /** Opens a door inside that leads there. */
  listen(at: Endpoint, destination: Destination, optional: boolean): Promise<void> {
    return this.#alone(async () => {
      const answered = this.#replyWithHandle('listening');
      this.#send({ type: 'listen', at, optional });
      const [message, handle] = await answered;
      if (message.error !== undefined || handle === undefined) {
        if (!optional) throw unavailable(`cannot listen inside the lane's network: ${message.error ?? 'no socket came'}`);
        return;
      }
      this.#closers.push(relay(handle as Server, destination));
      this.#send({ type: 'taken' });
    });
  }

  /** Starts the service inside. `cleanUp` runs when everything has ended. */
  async start(cleanUp: () => Promise<void>): Promise<Launched> {
    const { command, cwd, env } = this.#spec;
    const answered = Promise.race([this.#reply('started'), this.#reply('failed')]);
    this.#send({ type: 'start', command, cwd, env: { ...env, [instanceVariable]: this.#mark } });
    const answer = await answered;
    if (answer.type === 'failed') throw notStarted(command, cwd, answer.message);
    const { pid } = answer;
    const tree = new ProcessTree(pid, this.#mark, this.#child.pid);
    const exited = this.#exited.promise;
    registerChild(pid, tree);
    return {
      pid, tree, output: this.#output, exited,
      reach: (listening) => this.#reach(listening),
      stop: async () => {
        await stopGroup(pid, tree, exited);
        await this.close();
        await cleanUp();
      },
    };
  }

  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const pid = this.#child.pid;
    if (pid !== undefined) await stopGroup(pid, new ProcessTree(pid, this.#mark), this.#ended);
    await Promise.all(this.#closers.splice(0).map((close) => close()));
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  #reach({ host, port }: Endpoint): Promise<Endpoint> {
    const key = `${host} ${port}`;
    let exposed = this.#exposed.get(key);
    if (exposed === undefined) {
      exposed = this.#alone(() => this.#expose({ host, port }));
      this.#exposed.set(key, exposed);
    }
    return exposed;
  }

  async #expose(to: Endpoint): Promise<Endpoint> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port: 0 }, resolve);
    });
    const { port } = server.address() as AddressInfo;
    const answered = this.#reply('exposed');
    this.#child.send({ type: 'expose', to } satisfies ToForwarder, server);
    await answered;
    server.close(); // the forwarder accepts from now on
    return { host: '127.0.0.1', port };
  }

  /** One exchange with the forwarder at a time: answers carry no number. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  #send(message: ToForwarder): void {
    this.#child.send(message, () => {});
  }

  async #reply<T extends FromForwarder['type']>(type: T): Promise<Reply<T>> {
    return (await this.#replyWithHandle(type))[0];
  }

  #replyWithHandle<T extends FromForwarder['type']>(type: T): Promise<[Reply<T>, unknown]> {
    return new Promise((resolve, reject) => {
      const hear = (message: FromForwarder, handle: unknown): void => {
        if (message.type !== type) return;
        this.#child.off('message', hear);
        resolve([message as Reply<T>, handle]);
      };
      this.#child.on('message', hear);
      void this.#ended.then(() => reject(unavailable(`the lane's own network could not be set up: ${this.#output.lastLines(5)}`)));
    });
  }
}
