/*
 * Traffic with a known truth: no public trace has many elements, reads and writes apart, routes, and a rhythm of the day for each of them. A small shop of two services: routes with
 * seasons of day and week, elements whose popularity follows Zipf's law and drifts, flash elements that everybody wants for an hour, and calls from the
 * one service to the other. Counts are Poisson around rates that can be asked for, so forecasts can be scored against what was true rather than what happened.
 */
import { sfc32, type Prng } from '../lib/prng.ts';
import type { StateKey } from '../model/state-key.ts';
import type { TrafficItem } from '../model/traffic.ts';

/** What traffic is generated from. */
export interface GeneratorOptions {
  /** 32 hexadecimal digits. */
  readonly seed: string;
  /** Unix ms. */
  readonly startMs: number;
  readonly durationMs: number;
  /** Carts and products, each so many; 1000 when left out. */
  readonly elements?: number;
  /** Requests a second over all routes, on average; 2 when left out. */
  readonly requestsPerSecond?: number;
  /** Exponent of Zipf's law; 1.1 when left out. */
  readonly zipf?: number;
  /** Share of the ranks that everybody moves by within a day; 0.02 when left out. */
  readonly driftPerDay?: number;
  /** Products that everybody wants for an hour, with the share of the product requests that they get. */
  readonly flashes?: readonly { readonly product: number; readonly atMs: number; readonly share: number }[];
  /** Multiplies the rate of a route from a moment on: a campaign. */
  readonly surge?: { readonly route: string; readonly atMs: number; readonly factor: number };
}

/** Generated traffic and its truth. */
export interface GeneratedTraffic {
  /** In order of time. */
  items(): Generator<TrafficItem>;
  /** Expected requests of a route in an interval. */
  requests(route: string, fromMs: number, toMs: number): number;
  /** Expected reads and writes of an element in an interval. */
  accesses(key: StateKey, fromMs: number, toMs: number): { readonly reads: number; readonly writes: number };
  readonly routes: readonly string[];
}

const [dayMs, weekMs, hourMs] = [86_400_000, 604_800_000, 3_600_000];
const stepMs = 60_000;

interface RouteModel {
  readonly service: string;
  readonly route: string;
  /** Share of the requests from outside. */
  readonly share: number;
  /** Hour of the day at which it is busiest, and by how much its rate swings. */
  readonly peakHour: number;
  readonly swing: number;
  /** Less on the last two days of the week by this factor. */
  readonly weekend: number;
  readonly touches: readonly { readonly kind: 'cart' | 'product' | 'fixed'; readonly key: string; readonly access: 'read' | 'write' }[];
}

const outside: readonly RouteModel[] = [
  { service: 'web', route: 'GET /', share: 0.3, peakHour: 20, swing: 0.8, weekend: 1.3, touches: [{ kind: 'fixed', key: 'redis:0/home', access: 'read' }] },
  { service: 'web', route: 'GET /carts/:id', share: 0.4, peakHour: 19, swing: 0.7, weekend: 1.1, touches: [{ kind: 'cart', key: 'redis:0/cart:', access: 'read' }] },
  {
    service: 'web', route: 'POST /carts/:id/items', share: 0.2, peakHour: 21, swing: 0.8, weekend: 1.2,
    touches: [{ kind: 'cart', key: 'redis:0/cart:', access: 'read' }, { kind: 'cart', key: 'redis:0/cart:', access: 'write' }, { kind: 'fixed', key: 'redis:0/stats:added', access: 'write' }],
  },
  { service: 'web', route: 'GET /reports', share: 0.1, peakHour: 9, swing: 0.9, weekend: 0.3, touches: [{ kind: 'fixed', key: 'redis:0/stats:added', access: 'read' }] },
];

/** What `GET /` asks the catalogue for, each time so often. */
const catalogue: RouteModel = {
  service: 'catalogue', route: 'GET /products/:id', share: 0, peakHour: 0, swing: 0, weekend: 1, touches: [{ kind: 'product', key: 'redis:0/product:', access: 'read' }],
};
const productsPerHome = 3;

/** Makes traffic from a seed: the same options give the same traffic. */
export function generateTraffic(options: GeneratorOptions): GeneratedTraffic {
  const model = new Model(options);
  return {
    routes: [...outside.map(({ route }) => route), catalogue.route],
    items: () => model.items(),
    requests: (route, fromMs, toMs) => model.integrate(fromMs, toMs, (at) => model.rate(route, at)),
    accesses: (key, fromMs, toMs) => ({ reads: model.integrate(fromMs, toMs, (at) => model.accessRate(key, 'read', at)), writes: model.integrate(fromMs, toMs, (at) => model.accessRate(key, 'write', at)) }),
  };
}

class Model {
  readonly #options: GeneratorOptions;
  readonly #elements: number;
  readonly #cumulated: Float64Array;
  readonly #weights: Float64Array;

  constructor(options: GeneratorOptions) {
    this.#options = options;
    this.#elements = options.elements ?? 1000;
    this.#weights = Float64Array.from({ length: this.#elements }, (_, rank) => 1 / (rank + 1) ** (options.zipf ?? 1.1));
    const total = this.#weights.reduce((sum, weight) => sum + weight, 0);
    let sum = 0;
    this.#cumulated = this.#weights.map((weight) => (sum += weight / total));
    this.#weights = this.#weights.map((weight) => weight / total);
  }

  /** Requests a ms. */
  rate(route: string, at: number): number {
    if (route === catalogue.route) return productsPerHome * this.rate('GET /', at);
    const found = outside.find((one) => one.route === route);
    if (found === undefined) return 0;
    const { surge } = this.#options;
    const hour = (at % dayMs) / hourMs;
    const daily = 1 + found.swing * Math.cos((2 * Math.PI * (hour - found.peakHour)) / 24);
    const weekly = (at % weekMs) / dayMs >= 5 ? found.weekend : 1;
    const campaign = surge !== undefined && surge.route === route && at >= surge.atMs ? surge.factor : 1;
    return ((this.#options.requestsPerSecond ?? 2) / 1000) * found.share * daily * weekly * campaign;
  }

  /** Accesses of an element a ms. */
  accessRate(key: StateKey, access: 'read' | 'write', at: number): number {
    let rate = 0;
    for (const route of [...outside, catalogue]) {
      for (const touch of route.touches) {
        if (touch.access !== access) continue;
        if (touch.kind === 'fixed') rate += touch.key === key ? this.rate(route.route, at) : 0;
        else if (key.startsWith(touch.key)) rate += this.rate(route.route, at) * this.#popularity(Number(key.slice(touch.key.length)), touch.kind, at);
      }
    }
    return rate;
  }

  /** The integral of a rate, by the middle of each minute. */
  integrate(fromMs: number, toMs: number, rate: (at: number) => number): number {
    let sum = 0;
    for (let at = fromMs; at < toMs; at += stepMs) {
      const step = Math.min(stepMs, toMs - at);
      sum += step * rate(at + step / 2);
    }
    return sum;
  }

  *items(): Generator<TrafficItem> {
    const { startMs, durationMs, seed } = this.#options;
    const prng = sfc32(seed);
    let request = 0;
    for (let at = startMs; at < startMs + durationMs; at += stepMs) {
      const moments: { at: number; route: RouteModel }[] = [];
      for (const route of outside) {
        const count = poisson(stepMs * this.rate(route.route, at + stepMs / 2), prng);
        for (let i = 0; i < count; i++) moments.push({ at: Math.floor(at + prng.next() * stepMs), route });
      }
      moments.sort((a, b) => a.at - b.at);
      for (const moment of moments) yield* this.#request(moment.route, moment.at, `r${String(++request).padStart(6, '0')}`, prng);
    }
  }

  *#request(model: RouteModel, at: number, id: string, prng: Prng): Generator<TrafficItem> {
    const cart = this.#draw('cart', at, prng);
    const { service, route } = model;
    yield { kind: 'request', at, service, route, target: route.split(' ')[1]?.replace(':id', String(cart)) ?? null, actor: `user${cart}`, request: id };
    for (const { kind, key, access } of model.touches) yield { kind: 'access', key: kind === 'fixed' ? key : key + String(cart), access, at, request: id, route, service };
    if (route !== 'GET /') return;
    for (let call = 1; call <= productsPerHome; call++) {
      const product = this.#draw('product', at, prng);
      const below = `${id}.${call}`;
      yield { kind: 'call', at, from: { service, route }, to: { service: catalogue.service, route: catalogue.route } };
      yield { kind: 'request', at, service: catalogue.service, route: catalogue.route, target: `/products/${product}`, actor: null, request: below };
      yield { kind: 'access', key: `redis:0/product:${product}`, access: 'read', at, request: below, route: catalogue.route, service: catalogue.service };
    }
  }

  #draw(kind: 'cart' | 'product', at: number, prng: Prng): number {
    const flash = kind === 'product' ? this.#flash(at) : undefined;
    if (flash !== undefined && prng.next() < flash.share) return flash.product;
    const at01 = prng.next();
    let [low, high] = [0, this.#elements - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cumulated[middle] as number) < at01) low = middle + 1;
      else high = middle;
    }
    return (low + this.#shift(at)) % this.#elements;
  }

  #popularity(element: number, kind: 'cart' | 'product', at: number): number {
    if (!Number.isInteger(element) || element < 0 || element >= this.#elements) return 0;
    const rank = (element - this.#shift(at) + this.#elements) % this.#elements;
    const weight = this.#weights[rank] as number;
    const flash = kind === 'product' ? this.#flash(at) : undefined;
    return flash === undefined ? weight : (1 - flash.share) * weight + (flash.product === element ? flash.share : 0);
  }

  #flash(at: number): { readonly product: number; readonly share: number } | undefined {
    return this.#options.flashes?.find((flash) => at >= flash.atMs && at < flash.atMs + hourMs);
  }

  /** By how many ranks everybody has moved. */
  #shift(at: number): number {
    const days = (at - this.#options.startMs) / dayMs;
    return Math.floor(days * (this.#options.driftPerDay ?? 0.02) * this.#elements) % this.#elements;
  }
}

/** A Poisson count: by multiplication below 30 (Knuth 1969), above by the normal approximation. */
function poisson(mean: number, prng: Prng): number {
  if (mean > 30) {
    const normal = Math.sqrt(-2 * Math.log(1 - prng.next())) * Math.cos(2 * Math.PI * prng.next());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = prng.next(); product > limit; product *= prng.next()) count++;
  return count;
}
