/*
 * The State Access Heatmap of what comes next. Two levels: how many requests each route will get is forecast as a time series, and carried along the service graph;
 * how likely each element is to be among what they touch comes from how recently and how often it was. P(access) of an element in a bucket is that of its own past,
 * raised by as much as the routes that reach elements like it rise: with r times the requests, 1 − (1 − P)^r.
 */
import type { Prng } from '../lib/prng.ts';
import { heatmapFormatVersion, type Heatmap, type HeatmapElement, type HeatmapModel, type HeatmapSeries, type MemberHeadroom } from '../model/heatmap.ts';
import { blendAhead } from './elements/access-table.ts';
import { ElementModel, type ProbabilityCurves } from './elements/element-model.ts';
import { carryRises, seriesName, type Rise, type ServiceGraph } from './graph/dependency-graph.ts';
import type { TrafficIntake } from './intake.ts';
import type { LstmKernel } from './lstm/kernel.ts';
import { predictSeries, type SeriesForecast, type SeriesOptions } from './series/predict-series.ts';
import type { Forecaster, Series } from './series/series.ts';

/** Options of {@link forecastHeatmap}. */
export interface HeatmapOptions {
  /** Buckets ahead, each as long as a window of the intake. */
  readonly buckets: number;
  readonly prng: Prng;
  /** A kernel with a memory of its own; left out: no LSTM anywhere. */
  readonly kernel?: () => LstmKernel;
  readonly engines?: readonly Forecaster[];
  readonly lstmSteps?: number;
  /** Elements listed at most; as many as make 3 million numbers when left out. */
  readonly mostElements?: number;
  /** Groups of elements for placement, where the input says which belong together. */
  readonly groups?: Heatmap['groups'];
  /** What else the reader should know. */
  readonly notes?: readonly string[];
  readonly onProgress?: (stage: string, share: number) => void;
}

const mostNumbers = 3_000_000;
const mostSeries = 500;
const mostObserved = 288;
const mostUnseenGroups = 200;
const shownRoutes = 3;
const halfNormal80 = 1.2816;

/** Forecasts from everything that was taken in. */
export async function forecastHeatmap(intake: TrafficIntake, options: HeatmapOptions): Promise<Heatmap> {
  const { buckets } = options;
  const endMs = intake.windowStartMs;
  const forecasts = await forecastSeries(intake, endMs, options);
  const graph = intake.graph.graph();
  const rates = forecasts.filter(({ series }) => series.kind === 'rate');
  const carried = (rise: (one: SeriesForecast) => Rise): ReadonlyMap<string, Rise> => carryRises(graph, new Map(rates.map((one) => [one.series.name, rise(one)])), buckets);
  const rises = { ofLate: carried(riseOf), ahead: carried(riseAhead) };
  options.onProgress?.('scoring elements', 0);
  const reads = ElementModel.fit(intake.reads, options);
  const writes = ElementModel.fit(intake.writes, options);
  const scored = scoreElements(intake, { reads, writes }, { rises, spread: spreadOf(forecasts, buckets), options });
  options.onProgress?.('scoring elements', 1);
  return {
    kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'forecast', startMs: endMs, bucketMs: intake.windowMs, buckets,
    elements: scored.elements, groups: options.groups ?? [], rest: scored.rest, unseen: unseenOf(intake),
    series: forecasts.map(seriesOf), models: [...modelsOf(reads, 'read'), ...modelsOf(writes, 'write')],
    members: headrooms(intake, forecasts), graph: graphOf(graph), notes: [...options.notes ?? [], ...notesOf(intake, reads)],
  };
}

async function forecastSeries(intake: TrafficIntake, endMs: number, options: HeatmapOptions): Promise<SeriesForecast[]> {
  // a window that is not over yet would look like a quiet one
  const isWhole = intake.lastMs >= endMs - 0.1 * intake.windowMs || intake.window < 4;
  const wholeMs = isWhole ? endMs : endMs - intake.windowMs;
  const missing = Math.round((endMs - wholeMs) / intake.windowMs);
  const routes = [...intake.routes].sort((a, b) => b[1].total - a[1].total || (a[0] < b[0] ? -1 : 1)).slice(0, mostSeries);
  const series: Series[] = [
    ...routes.map(([name, counter]) => counter.series(name, wholeMs)),
    ...[...intake.metrics].map(([name, { series: counter }]) => counter.series(name, wholeMs)),
  ];
  const { prng, kernel, engines, lstmSteps, onProgress } = options;
  const given: SeriesOptions = {
    horizon: options.buckets + missing, prng, ...kernel && { kernel }, ...engines && { engines }, ...lstmSteps !== undefined && { lstmSteps }, ...onProgress && { onProgress },
  };
  const forecasts = await predictSeries(series, given);
  const cut = (values: Float64Array): Float64Array => values.subarray(missing);
  return forecasts.map((one) => ({ ...one, forecast: { low: cut(one.forecast.low), median: cut(one.forecast.median), high: cut(one.forecast.high) } }));
}

/** By how much a route will have more requests in each bucket than it has had of late. */
function riseOf({ series: { values }, forecast }: SeriesForecast): Rise {
  const level = 0.5 * (levelOf(values, 4) + levelOf(values, 16));
  return level <= 0 ? new Float64Array(forecast.median.length).fill(1) : forecast.median.map((value) => value / level);
}

/** The same, of the level that the rates of its elements so far ahead are taken from. */
function riseAhead({ series: { values }, forecast }: SeriesForecast): Rise {
  const [r4, r16, r64] = [levelOf(values, 4), levelOf(values, 16), levelOf(values, 64)];
  const all = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return forecast.median.map((value, bucket) => {
    const level = blendAhead(bucket + 1, 0.5 * (r4 + r16), 0.5 * (r16 + r64), all);
    return level <= 0 ? 1 : value / level;
  });
}

function levelOf(values: Float64Array, halfLife: number): number {
  const decay = 0.5 ** (1 / halfLife);
  let [sum, weights, weight] = [0, 0, 1];
  for (let i = values.length - 1; i >= 0 && weight > 1e-4; i--, weight *= decay) {
    sum += weight * (values[i] as number);
    weights += weight;
  }
  return sum / Math.max(weights, 1e-9);
}

/** How far the routes together may be from their medians, by bucket: shares of the median. */
function spreadOf(forecasts: readonly SeriesForecast[], buckets: number): { readonly low: Float64Array; readonly high: Float64Array } {
  const rates = forecasts.filter(({ series }) => series.kind === 'rate');
  const ratio = (of: 'low' | 'high'): Float64Array => Float64Array.from({ length: buckets }, (_, bucket) => {
    const [part, whole] = rates.reduce(([a, b], { forecast }) => [a + (forecast[of][bucket] as number), b + (forecast.median[bucket] as number)], [0, 0]);
    return whole > 0 ? part / whole : 1;
  });
  return { low: ratio('low'), high: ratio('high') };
}

interface Scoring { readonly rises: { readonly ofLate: ReadonlyMap<string, Rise>; readonly ahead: ReadonlyMap<string, Rise> }; readonly spread: { readonly low: Float64Array; readonly high: Float64Array }; readonly options: HeatmapOptions }

function scoreElements(intake: TrafficIntake, models: { readonly reads: ElementModel; readonly writes: ElementModel }, scoring: Scoring): { elements: HeatmapElement[]; rest: NonNullable<Heatmap['rest']> } {
  const { options: { buckets, mostElements } } = scoring;
  const now = intake.window;
  const all = Int32Array.from({ length: intake.elements.size }, (_, number) => number);
  const curves = { reads: curvesOf(intake.reads.table, models.reads, all, now), writes: curvesOf(intake.writes.table, models.writes, all, now) };
  const rates = Float64Array.from(all, (number) => intake.reads.table.rate(number, now) + intake.writes.table.rate(number, now));
  const ranks = Float64Array.from(all, (number) => anyOf(curves.reads.at(number, 1), curves.writes.at(number, 1)) * (rates[number] as number));
  const order = Array.from(all).sort((a, b) => (ranks[b] as number) - (ranks[a] as number) || a - b);
  const listed = order.slice(0, mostElements ?? Math.max(1000, Math.floor(mostNumbers / (5 * buckets))));
  const profiles = new Map<string, Profile>();
  const elements = listed.map((number) => elementOf(intake, number, { curves, profile: profileOf(intake, number, profiles, scoring), spread: scoring.spread, buckets }));
  const rest = new Float64Array(buckets);
  for (const number of order.slice(listed.length)) {
    const { ahead } = profileOf(intake, number, profiles, scoring);
    for (let bucket = 0; bucket < buckets; bucket++) rest[bucket] = (rest[bucket] as number) + rateAhead(intake, number, bucket + 1) * (ahead[bucket] as number);
  }
  const { tail } = intake.elements;
  const perBucket = tail === undefined ? 0 : tail.accesses / Math.max(1, now);
  return { elements, rest: { elements: order.length - listed.length + (tail?.elements ?? 0), expected: Array.from(rest, (value) => rounded(value + perBucket)) } };
}

/** Curves of all numbers: those that were never accessed in this way are at 0. */
function curvesOf(table: { has(number: number): boolean }, model: ElementModel, all: Int32Array, now: number): { at(number: number, horizon: number): number } {
  const numbers = all.filter((number) => table.has(number));
  const rows = new Int32Array(all.length).fill(-1);
  numbers.forEach((number, row) => (rows[number] = row));
  const curves: ProbabilityCurves = model.curves(numbers, now);
  return { at: (number, horizon) => ((rows[number] as number) < 0 ? 0 : curves.at(rows[number] as number, horizon)) };
}

interface Profile { readonly rise: Rise; readonly ahead: Rise; readonly routes: readonly { readonly route: string; readonly share: number }[] }

/** How the elements of a group rise: as the routes that reach the group do, by their shares of it. */
function profileOf(intake: TrafficIntake, element: number, known: Map<string, Profile>, { rises, options: { buckets } }: Scoring): Profile {
  const group = intake.groups.groupOf(element);
  let profile = known.get(group);
  if (profile === undefined) {
    const shares = intake.groups.shares(group)?.routes ?? [];
    const mixed = (of: ReadonlyMap<string, Rise>): Rise => {
      const rise = new Float64Array(buckets);
      for (const { route, share } of shares.length > 0 ? shares : [{ route: null, share: 1 }]) {
        const own = route === null ? undefined : of.get(route);
        for (let bucket = 0; bucket < buckets; bucket++) rise[bucket] = (rise[bucket] as number) + share * (own?.[bucket] ?? 1);
      }
      return rise;
    };
    const routes = shares.filter((one): one is { route: string; share: number } => one.route !== null).slice(0, shownRoutes);
    known.set(group, (profile = { rise: mixed(rises.ofLate), ahead: mixed(rises.ahead), routes: routes.map(({ route, share }) => ({ route, share: rounded(share) })) }));
  }
  return profile;
}

interface ElementContext {
  readonly curves: { readonly reads: { at(number: number, horizon: number): number }; readonly writes: { at(number: number, horizon: number): number } };
  readonly profile: Profile;
  readonly spread: Scoring['spread'];
  readonly buckets: number;
}

function elementOf(intake: TrafficIntake, number: number, { curves, profile, spread, buckets }: ElementContext): HeatmapElement {
  const now = intake.window;
  const rate = intake.reads.table.rate(number, now) + intake.writes.table.rate(number, now);
  const [pRead, pWrite, expected, low, high]: number[][] = [[], [], [], [], []];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const rise = profile.rise[bucket] as number;
    const raised = (p: number): number => 1 - (1 - p) ** rise;
    const [read, write] = [raised(curves.reads.at(number, bucket + 1)), raised(curves.writes.at(number, bucket + 1))];
    const mean = rateAhead(intake, number, bucket + 1) * (profile.ahead[bucket] as number);
    const interval = intervalOf(anyOf(read, write), mean, { low: spread.low[bucket] as number, high: spread.high[bucket] as number });
    (pRead as number[]).push(rounded(read));
    (pWrite as number[]).push(rounded(write));
    (expected as number[]).push(rounded(mean));
    (low as number[]).push(rounded(interval.low));
    (high as number[]).push(rounded(interval.high));
  }
  const total = intake.reads.table.total(number) + intake.writes.table.total(number);
  const last = Math.max(...[intake.reads.table, intake.writes.table].filter((table) => table.has(number)).map((table) => table.last(number)));
  const why = { routes: profile.routes, rate: rounded(rate), total, lastAt: Math.round(intake.windowStartMs + (last - now) * intake.windowMs) };
  return { key: intake.elements.name(number), pRead: pRead as number[], pWrite: pWrite as number[], expected: expected as number[], low: low as number[], high: high as number[], why };
}

function rateAhead({ reads, writes, window }: TrafficIntake, number: number, horizon: number): number {
  return reads.table.rateAhead(number, window, horizon) + writes.table.rateAhead(number, window, horizon);
}

/** Of a count that is zero with 1 − p and else Poisson-like around its mean, the middle 80 %; `spread`: that of the traffic as a whole. */
function intervalOf(probability: number, expected: number, spread: { readonly low: number; readonly high: number }): { readonly low: number; readonly high: number } {
  const mean = Math.max(1, expected / Math.max(probability, 1e-6));
  const [least, most] = [mean * spread.low, mean * spread.high];
  const low = 1 - probability >= 0.1 ? 0 : Math.max(0, least - halfNormal80 * Math.sqrt(least));
  const high = probability <= 0.1 ? 0 : most + halfNormal80 * Math.sqrt(most);
  return { low: Math.min(low, expected), high: Math.max(high, expected) };
}

function anyOf(a: number, b: number): number {
  return 1 - (1 - a) * (1 - b);
}

/** Four digits: more says nothing and doubles the file. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function unseenOf(intake: TrafficIntake): NonNullable<Heatmap['unseen']> {
  return intake.groups.names(intake.window).slice(0, mostUnseenGroups).map((group) => ({ group, share: rounded(intake.groups.shares(group)?.unseen ?? 0) }));
}

function seriesOf({ series, model, why, scores, forecast }: SeriesForecast): HeatmapSeries {
  const list = (values: Float64Array): number[] => Array.from(values, rounded);
  return {
    name: series.name.replace('\u0000', ' '), kind: series.kind, model, why,
    scores: scores.filter(({ origins }) => origins > 0).map(({ name, origins, mae, relativeMae, coverage }) => ({ name, origins, mae: rounded(mae), relativeMae: Number.isFinite(relativeMae) ? rounded(relativeMae) : null, coverage: rounded(coverage) })),
    median: list(forecast.median), low: list(forecast.low), high: list(forecast.high), observed: list(series.values.slice(-mostObserved)),
  };
}

function modelsOf(model: ElementModel, access: 'read' | 'write'): HeatmapModel[] {
  return model.models.map(({ horizon, method, scores }) => ({
    access, horizon, method,
    scores: scores.map(({ method: name, score }) => ({ method: name, brier: rounded(score.brier), brierSkill: rounded(score.brierSkill), logLoss: rounded(score.logLoss), ece: rounded(score.ece), cases: Math.round(score.cases) })),
  }));
}

/** What the upper end of a forecast of utilisation leaves free; shares, or percentages where a value is above 1.5. */
function headrooms(intake: TrafficIntake, forecasts: readonly SeriesForecast[]): MemberHeadroom[] {
  return [...intake.metrics].flatMap(([name, { member, metric }]) => {
    const found = forecasts.find(({ series }) => series.name === name);
    if (found === undefined || !/^(cpu|memory)$/.test(metric)) return [];
    const whole = Math.max(...found.series.values) > 1.5 ? 100 : 1;
    return [{ member, metric, headroom: Array.from(found.forecast.high, (value) => rounded(Math.max(0, 1 - value / whole))) }];
  });
}

function graphOf(graph: ServiceGraph): NonNullable<Heatmap['graph']> {
  return {
    nodes: graph.nodes.slice(0, mostSeries).map(({ service, route, requests }) => ({ name: seriesName(service, route), requests })),
    edges: graph.edges.map(({ from, to, callsPerRequest }) => ({ from: from.route === null ? from.service : seriesName(from.service, from.route), to: seriesName(to.service, to.route), callsPerRequest: rounded(callsPerRequest) })),
  };
}

function notesOf(intake: TrafficIntake, reads: ElementModel): string[] {
  const { counts, elements } = intake;
  const notes: string[] = [];
  if (counts.accesses === 0 && counts.requests > 0) notes.push('traffic only: the input says nothing of state elements; give rules (predict.rules in the configuration, or a recording to learn them from) to have them forecast');
  if (elements.tail !== undefined) {
    notes.push(`${elements.tail.elements} elements beyond the ${elements.size} that are followed one by one are counted together (${elements.tail.accesses} accesses; a single one is off by at most ${elements.tail.countError})`);
  }
  if (counts.late > 0) notes.push(`${counts.late} items came more than a bucket late and were counted for the bucket they came in`);
  if (counts.accesses > 0 && reads.models.length === 0) notes.push(`${intake.window} buckets are too few to learn probabilities from: they follow the rates alone; a shorter --bucket gives more`);
  const [next] = reads.models;
  if (counts.accesses > 0 && next?.method === 'base rate') notes.push('nothing about single elements could be forecast from their past: all are given the base rate');
  return notes;
}
