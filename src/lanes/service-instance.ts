import { lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { LocalAddress, Redirect } from '../model/preload-protocol.ts';
import { splitAddress } from './environment.ts';
import type { FakeClock } from './fake-clock.ts';
import type { IdleHabits } from './idle-habits.ts';
import { IdleProfile } from './idle-profile.ts';
import type { Exit, Launched } from './launch.ts';
import type { AddressPlan } from './plan-addresses.ts';
import type { DirectConnection, PreloadLink } from './preload-link.ts';
import { isConnectedTo } from './ports.ts';
import { hasProc } from './proc.ts';
import { isWorking, waitQuiescent } from './quiescence.ts';
import type { GatewayActivity } from './quiescence.ts';
import type { Ready } from './readiness.ts';

export type { GatewayActivity } from './quiescence.ts';

/** What an instance is made of. */
export interface InstanceParts {
  readonly id: string;
  readonly ready: Ready;
  readonly plan: AddressPlan;
  readonly launched: Launched;
  readonly link: PreloadLink;
  /** What earlier instances of the service have shown of how it waits. */
  readonly habits: IdleHabits;
  /** null: its clock is the real one, or the preload's. */
  readonly clock: FakeClock | null;
  /** It did not start with a clock put in. */
  readonly bearsNoClock: boolean;
  /** Redirects that may lead nowhere, since only its inherited environment speaks of them. */
  readonly unproven: readonly Redirect[];
  /** Told where the service has such an address from. */
  readonly onProof: (address: string, where: 'environment' | 'code') => void;
  /** Run when it has stopped. */
  readonly closers: readonly (() => Promise<void>)[];
}

const defaultLateTimeoutMs = 5_000;

/** A running instance of the service: where it is, how it does, and when it has finished with a request. */
export class ServiceInstance {
  readonly id: string;
  /** Where requests go. */
  readonly address: LocalAddress;
  /** The preload is in: requests are told apart by context. */
  readonly preloaded: boolean;
  /** How its connections are led to the gateways. */
  readonly plan: AddressPlan;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly #parts: InstanceParts;
  readonly #profile: IdleProfile;
  #alive = true;
  #waitingFor = '';
  #unproven: readonly Redirect[];
  #stopped: Promise<void> | null = null;

  constructor(parts: InstanceParts) {
    this.#parts = parts;
    this.#profile = new IdleProfile(parts.habits);
    this.id = parts.id;
    this.address = parts.ready.address;
    this.preloaded = parts.ready.preloaded;
    this.plan = parts.plan;
    this.pid = parts.launched.pid;
    this.#unproven = parts.unproven;
    this.exited = parts.launched.exited;
    void this.exited.then(() => {
      this.#alive = false;
      parts.link.end();
    });
  }

  /** The process that was started has not ended. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Redirects of which it is not known yet whether it reads them in its environment or has them in its code. */
  get unproven(): readonly Redirect[] {
    return this.#unproven;
  }

  /** What is found out about one of them; the next start of this command goes by it. */
  prove(redirect: Redirect, where: 'environment' | 'code'): void {
    this.#unproven = this.#unproven.filter((one) => one !== redirect);
    this.#parts.onProof(redirect.from, where);
  }

  /** Whether it has a connection to the very address that a gateway stands for; then it is to be started again. Known on Linux only. */
  async goesPast(): Promise<boolean> {
    if (!hasProc || this.#unproven.length === 0) return false;
    const pids = this.#parts.launched.tree.members();
    let found = false;
    for (const redirect of this.#unproven) {
      if (!isConnectedTo(pids, await numericAddresses(redirect.from))) continue;
      this.prove(redirect, 'code');
      found = true;
    }
    return found;
  }

  /** The last 64 KB it printed. */
  get output(): string {
    return this.#parts.launched.output.text;
  }

  /** Connections to where no gateway stands, by address. Known only with the preload. */
  get directConnections(): readonly DirectConnection[] {
    return this.#parts.link.direct;
  }

  /** Patches of the preload that failed inside the service. */
  get preloadProblems(): readonly string[] {
    return this.#parts.link.problems;
  }

  /** Why its clock is the real one, where {@link followsClock} says so. */
  get whyRealClock(): string {
    const { clock, bearsNoClock } = this.#parts;
    if (bearsNoClock) return 'it does not start with libfaketime in it';
    if (clock === null) return 'where libfaketime is installed (on Debian: faketime) it is set for each request';
    return 'it does not go by libfaketime: it is linked statically, written in Go, or started with rights of its own';
  }

  /** Whether, by what its processes have loaded now, its time of day follows {@link setClock}. */
  followsClock(): boolean {
    return this.#parts.clock?.isAskedBy(this.#parts.launched.tree.members()) === true;
  }

  /** Makes it `unixMs` in the service from now on, where a clock was put in. */
  setClock(unixMs: number): void {
    this.#parts.clock?.set(unixMs);
  }

  /** What the last wait that timed out was still waiting for, for people. */
  get waitingFor(): string {
    return this.#waitingFor;
  }

  /** Calls back for every direct connection. */
  onDirect(listener: (connection: { host: string; port: number; tag: string | null }) => void): void {
    this.#parts.link.onDirect(listener);
  }

  /** Calls back for every Redis client in it whose commands can't be told from one another, with its folder or file. */
  onUnattributed(listener: (client: string) => void): void {
    this.#parts.link.onUnattributed(listener);
  }

  /**
   * Resolves with true when the preload says that nothing of this context is pending, at once if it has said so before; with false when the
   * instance has ended or time is up.
   */
  async contextIdle(tag: string, timeoutMs: number = defaultLateTimeoutMs): Promise<boolean> {
    const result = await this.#parts.link.idle(tag, timeoutMs);
    if (!result) this.#waitingFor = this.#alive ? `the context ${tag} (commands, calls, timers or child processes of it)` : 'nothing: it has ended';
    return result;
  }

  /** Frees what is kept for a tag. */
  forget(tag: string): void {
    this.#parts.link.forget(tag);
  }

  /**
   * Without the preload, for one request at a time: resolves with true when gateways, processes and threads are at rest (see quiescence.ts);
   * with false when time is up, {@link waitingFor} says why. A service that has ended is at rest.
   */
  async quiescent(options: { readonly gateways: readonly GatewayActivity[]; readonly timeoutMs?: number }): Promise<boolean> {
    const timeoutMs = options.timeoutMs ?? defaultLateTimeoutMs;
    const { tree } = this.#parts.launched;
    const result = await waitQuiescent({ tree, gateways: options.gateways, profile: this.#profile, timeoutMs });
    // what outlasts the bound is named once; the waits it is in then are taken for rest, while they last
    if (result.outcome === 'timeout' && hasProc) this.#profile.learn(tree.members());
    this.#waitingFor = result.waitingFor;
    return result.outcome !== 'timeout';
  }

  /** Without the preload: to be called before a request is sent, so that what wakes by itself is told from what the request wakes. */
  beforeRequest(): void {
    if (hasProc && !this.preloaded) this.#profile.beforeRequest();
  }

  /** After start: waits a moment until nothing works any more, and takes what its threads wait in then for rest. */
  async settle(): Promise<void> {
    if (!hasProc || this.preloaded) return;
    const { tree } = this.#parts.launched;
    const deadline = performance.now() + 250;
    for (let calm = 0; calm < 3 && performance.now() < deadline; calm = isWorking(tree) ? 0 : calm + 1) await delay(2);
    this.#profile.learn(tree.members());
  }

  /** {@link stop} has been called. */
  get isStopped(): boolean {
    return this.#stopped !== null;
  }

  /** Ends it with everything it has started: SIGTERM, after 3 s SIGKILL; frees its ports. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#parts.link.close();
    const { launched, clock } = this.#parts;
    const pids = clock === null ? [] : [launched.pid, ...launched.tree.members()];
    await launched.stop();
    clock?.close(pids);
    await Promise.all(this.#parts.closers.map((close) => close()));
  }
}

/** What a connection to `host:port` may be seen as. */
async function numericAddresses(address: string): Promise<{ host: string; port: number }[]> {
  const { host, port } = splitAddress(address);
  const found = await lookup(host, { all: true }).catch(() => []);
  // the kernel's tables show the IPv6 loopback in more than one way
  return [...new Set(found.flatMap((one) => (one.address === '::1' ? ['::1', '127.0.0.1'] : [one.address])))].map((numeric) => ({ host: numeric, port }));
}
