import type { TrafficItem } from '../../model/traffic.ts';
import type { InputProblems } from '../problems.ts';
import { accessesOf, type ShownAccess } from './db-span.ts';
import { calleeOf, servedRequest, type Callee } from './http-span.ts';
import type { SpanKind, TraceSpan } from './span.ts';

/** Options of {@link SpanJoiner}. */
export interface SpanJoinerOptions {
  readonly problems: InputProblems;
  /** Spans (and accesses that wait) remembered at most, over all traces. Default 100,000: some 50 MB. */
  readonly mostSpans?: number;
  /** A trace is complete when a span of another trace comes that began so much later than its newest. Default 30,000. */
  readonly idleMs?: number;
}

/** What is remembered of a span. */
interface Node {
  readonly parentId: string | null;
  readonly kind: SpanKind;
  readonly startMs: number;
  readonly service: string;
  /** Of a SERVER span. */
  readonly route: string | null;
  /** Whom a CLIENT span calls, while no SERVER span has answered to it. */
  callee: Callee | undefined;
}

/** What waits for a span that has not come yet: accesses for the request around them, a request for its caller, a call for its caller's request. */
type Waiter =
  | { readonly kind: 'access'; readonly at: number; readonly service: string; readonly accesses: readonly ShownAccess[]; hops: number }
  | { readonly kind: 'call'; readonly at: number; readonly service: string; readonly to: Callee; hops: number }
  | { readonly kind: 'caller'; readonly server: Node };

interface Trace {
  readonly id: string;
  readonly spans: Map<string, Node>;
  /** By the id of the span they wait for. */
  readonly waiting: Map<string, Waiter[]>;
  newestMs: number;
  /** Its share of the memory. */
  weight: number;
  /** When it was last added to, by the clock of whoever adds. */
  touchedAtMs: number;
}

const defaultMostSpans = 100_000;
const defaultIdleMs = 30_000;
/** Deeper nesting between a database span and its request is a loop or an attack. */
const mostHops = 100;

/**
 * Makes traffic out of single spans: SERVER spans are requests, a SERVER span below a CLIENT span is a call, database spans are accesses
 * of the SERVER span around them. Spans come in any order (children end first), so what needs a span that is missing waits for it: until it
 * comes, until its trace is complete, or until the memory is needed; then it is given out with what is known. Traces that had to go
 * before they were complete are noted in the problems, and so is what waited in vain.
 */
export class SpanJoiner {
  readonly #problems: InputProblems;
  readonly #mostSpans: number;
  readonly #idleMs: number;
  /** The one added to longest ago first. */
  readonly #traces = new Map<string, Trace>();
  #weight = 0;
  #out: TrafficItem[] = [];

  constructor(options: SpanJoinerOptions) {
    this.#problems = options.problems;
    this.#mostSpans = options.mostSpans ?? defaultMostSpans;
    this.#idleMs = options.idleMs ?? defaultIdleMs;
  }

  /** Spans and accesses remembered now. */
  get weight(): number {
    return this.#weight;
  }

  /** The items that have become complete since the last call. */
  take(): TrafficItem[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  /** Takes a span in. `nowMs` is for {@link settleUntouchedSince}. */
  add(span: TraceSpan, nowMs = 0): void {
    const trace = this.#traceOf(span.traceId);
    trace.touchedAtMs = nowMs;
    trace.newestMs = Math.max(trace.newestMs, span.startMs);
    if (trace.spans.has(span.spanId)) return; // exporters try again when an answer got lost
    const node = this.#remember(trace, span);
    const accesses = accessesOf(span, this.#problems);
    trace.weight += 1 + (accesses?.length ?? 0);
    this.#weight += 1 + (accesses?.length ?? 0);
    if (accesses !== undefined && accesses.length > 0) this.#resolve(trace, span.parentId, { kind: 'access', at: span.startMs, service: span.service, accesses, hops: 0 });
    if (node.kind === 'server' && node.parentId !== null && node.route !== null) this.#resolve(trace, node.parentId, { kind: 'caller', server: node });
    this.#wake(trace, span.spanId, node);
    this.#forgetOld(span.startMs);
  }

  /** Gives up waiting for the rest of traces that nothing was added to since a moment of the adder's clock. */
  settleUntouchedSince(nowMs: number): void {
    for (const trace of this.#traces.values()) {
      if (trace.touchedAtMs >= nowMs) return;
      this.#settle(trace);
    }
  }

  /** Gives up waiting: there are no more spans. */
  finish(): void {
    for (const trace of this.#traces.values()) this.#settle(trace);
  }

  #traceOf(id: string): Trace {
    const known = this.#traces.get(id);
    if (known !== undefined) this.#traces.delete(id);
    const trace = known ?? { id, spans: new Map(), waiting: new Map(), newestMs: -Infinity, weight: 0, touchedAtMs: 0 };
    this.#traces.set(id, trace);
    return trace;
  }

  #remember(trace: Trace, span: TraceSpan): Node {
    const request = span.kind === 'server' ? servedRequest(span) : undefined;
    if (request !== undefined) {
      this.#out.push({ kind: 'request', at: span.startMs, service: span.service, route: request.route, target: request.target, actor: request.actor, request: trace.id });
    }
    const node: Node = {
      parentId: span.parentId, kind: span.kind, startMs: span.startMs, service: span.service, route: request?.route ?? null,
      callee: span.kind === 'client' ? calleeOf(span) : undefined,
    };
    if (span.kind === 'server' && request === undefined) this.#problems.note('server spans of another protocol', span.name);
    trace.spans.set(span.spanId, node);
    return node;
  }

  /** Tries again what waited for a span. */
  #wake(trace: Trace, spanId: string, node: Node): void {
    const waiters = trace.waiting.get(spanId);
    if (waiters === undefined) return;
    trace.waiting.delete(spanId);
    for (const waiter of waiters) {
      if (waiter.kind === 'caller') this.#callOf(trace, node, waiter.server);
      else this.#resolve(trace, spanId, waiter);
    }
  }

  /** Finds what a waiter needs, from a span upwards, or lets it wait for what is missing. */
  #resolve(trace: Trace, fromId: string | null, waiter: Waiter): void {
    let id = fromId;
    while (id !== null) {
      const node = trace.spans.get(id);
      if (node === undefined) {
        const others = trace.waiting.get(id);
        if (others === undefined) trace.waiting.set(id, [waiter]);
        else others.push(waiter);
        return;
      }
      if (waiter.kind === 'caller') return this.#callOf(trace, node, waiter.server);
      // what a consumer of messages does is of no request
      if (node.kind === 'server') return this.#emit(trace, waiter, node);
      if (node.kind === 'consumer' || ++waiter.hops > mostHops) break;
      id = node.parentId;
    }
    if (waiter.kind !== 'caller') this.#emit(trace, waiter, undefined);
  }

  /** A SERVER span and the span above it: a call, where that is a CLIENT or of another service. */
  #callOf(trace: Trace, caller: Node, server: Node): void {
    if (caller.kind !== 'client' && caller.service === server.service) return;
    caller.callee = undefined;
    const call = { kind: 'call' as const, at: caller.startMs, service: caller.service, to: { service: server.service, route: server.route as string }, hops: 0 };
    if (caller.kind === 'server') this.#emit(trace, call, caller);
    else this.#resolve(trace, caller.parentId, call);
  }

  #emit(trace: Trace, waiter: Exclude<Waiter, { kind: 'caller' }>, server: Node | undefined): void {
    const service = server?.service ?? waiter.service;
    const route = server?.route ?? null;
    if (waiter.kind === 'call') {
      this.#out.push({ kind: 'call', at: waiter.at, from: { service, route }, to: waiter.to });
      return;
    }
    const named = service === '' ? {} : { service };
    for (const { key, access } of waiter.accesses) this.#out.push({ kind: 'access', key, access, at: waiter.at, request: trace.id, route, ...named });
  }

  #forgetOld(nowMs: number): void {
    for (const trace of this.#traces.values()) {
      const isIdle = nowMs - trace.newestMs > this.#idleMs;
      if (!isIdle && this.#weight <= this.#mostSpans) return;
      if (!isIdle) this.#problems.note('traces cut by the memory of spans', `${this.#mostSpans} spans`);
      this.#settle(trace);
    }
  }

  #settle(trace: Trace): void {
    for (const node of trace.spans.values()) {
      if (node.callee !== undefined) this.#resolve(trace, node.parentId, { kind: 'call', at: node.startMs, service: node.service, to: node.callee, hops: 0 });
    }
    for (const waiters of trace.waiting.values()) {
      for (const waiter of waiters) {
        this.#problems.note('parent spans not found', waiter.kind === 'access' ? 'accesses without their request' : 'calls without their caller');
        if (waiter.kind !== 'caller') this.#emit(trace, waiter, undefined);
      }
    }
    this.#traces.delete(trace.id);
    this.#weight -= trace.weight;
  }
}
