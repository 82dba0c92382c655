import { request } from 'undici';
import { ForeshardError } from '../model/errors.ts';
import type { MetricSample } from '../model/traffic.ts';
import { fieldsOf, listOf, numberOf, parseJson, textOf, type Fields } from './json-fields.ts';
import { excerptOf } from './problems.ts';

/** What {@link prometheusRange} asks. */
export interface PrometheusRange {
  /** Where Prometheus is, for example `http://127.0.0.1:9090`, with a path prefix or user and password where it has them. */
  readonly url: string;
  /** PromQL. */
  readonly query: string;
  /** What the values measure, for example `cpu`. */
  readonly metric: string;
  /** Unix milliseconds, both inclusive; the step in milliseconds too. */
  readonly start: number;
  readonly end: number;
  readonly step: number;
  /** How long one answer may take. Default 60,000. */
  readonly timeoutMs?: number;
  /** Takes warnings that came with a good answer, once each. Thrown when left out: part of the data may be missing. */
  readonly onWarning?: (warning: ForeshardError) => void;
}

/** Prometheus answers at most 11,000 points of a series at once. */
const mostPoints = 11_000;
const defaultTimeoutMs = 60_000;

/**
 * The samples of a range query of Prometheus' HTTP API, in order of time. The member is the label `instance`, else `pod`, else `host`, else `all`; values that
 * are no finite numbers are left out. Long ranges are asked for part by part.
 * @throws ForeshardError `upstream_unreachable`, `upstream_refused` with Prometheus' own words, `usage` for a range that is none
 */
export async function* prometheusRange(range: PrometheusRange): AsyncGenerator<MetricSample> {
  const { start: startMs, end: endMs, step: stepMs } = range;
  if (!(stepMs > 0) || !(endMs >= startMs)) {
    throw new ForeshardError('usage', `From ${startMs} to ${endMs} by ${stepMs} ms is no range.`, { hint: 'The end comes after the start, and the step is more than nothing.' });
  }
  const warned = new Set<string>();
  for (let fromMs = startMs; fromMs <= endMs; fromMs += mostPoints * stepMs) {
    const toMs = Math.min(endMs, fromMs + (mostPoints - 1) * stepMs);
    const answer = await ask(range, fromMs, toMs);
    for (const warning of listOf(answer['warnings'])) {
      if (warned.has(String(warning))) continue;
      warned.add(String(warning));
      warn(range, String(warning));
    }
    yield* samplesOf(fieldsOf(answer['data']), range.metric);
  }
}

function warn(range: PrometheusRange, warning: string): void {
  const error = new ForeshardError('upstream_refused', `Prometheus warns about ${range.query}: ${warning}`, { hint: 'Part of the data may be missing.' });
  if (range.onWarning === undefined) throw error;
  range.onWarning(error);
}

function samplesOf(data: Fields, metric: string): MetricSample[] {
  if (data['resultType'] !== 'matrix') throw new ForeshardError('upstream_refused', `Prometheus answers a range query with ${JSON.stringify(data['resultType'])} instead of a matrix.`);
  const samples = listOf(data['result']).flatMap((series) => {
    const labels = fieldsOf(fieldsOf(series)['metric']);
    const member = textOf(labels['instance']) ?? textOf(labels['pod']) ?? textOf(labels['host']) ?? 'all';
    return listOf(fieldsOf(series)['values']).flatMap((pair): MetricSample[] => {
      const [seconds, text] = listOf(pair);
      const at = numberOf(seconds);
      const value = numberOf(text);
      return at === undefined || value === undefined ? [] : [{ kind: 'metric', at: Math.round(at * 1000), member, metric, value }];
    });
  });
  return samples.sort((a, b) => a.at - b.at);
}

async function ask(range: PrometheusRange, fromMs: number, toMs: number): Promise<Fields> {
  const { url, headers } = addressOf(range, fromMs, toMs);
  const timeoutMs = range.timeoutMs ?? defaultTimeoutMs;
  let status: number;
  let text: string;
  try {
    const response = await request(url, { headers, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
    status = response.statusCode;
    text = await response.body.text();
  } catch (error) {
    throw new ForeshardError('upstream_unreachable', `Prometheus at ${url.origin} does not answer: ${(error as Error).message}.`, { hint: 'Check the address; the query may also take too long.', cause: error });
  }
  const answer = fieldsOf(parseJson(text));
  if (answer['status'] === 'success') return answer;
  const what = textOf(answer['error']);
  if (what !== undefined) throw new ForeshardError('upstream_refused', `Prometheus refuses ${range.query}: ${textOf(answer['errorType']) ?? status}: ${what}`);
  throw new ForeshardError('upstream_refused', `${url.origin} answers ${status} and nothing that Prometheus would say: ${excerptOf(text)}`, {
    hint: 'Is this the address of Prometheus, with its path prefix?',
  });
}

function addressOf(range: PrometheusRange, fromMs: number, toMs: number): { readonly url: URL; readonly headers: Record<string, string> } {
  let url: URL;
  try {
    url = new URL(range.url);
  } catch (error) {
    throw new ForeshardError('usage', `${JSON.stringify(range.url)} is no URL.`, { hint: 'For example http://127.0.0.1:9090', cause: error });
  }
  const headers: Record<string, string> = {};
  if (url.username !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
  url.username = '';
  url.password = '';
  url.pathname = `${url.pathname.replace(/\/$/, '')}/api/v1/query_range`;
  const seconds = (ms: number): string => String(ms / 1000);
  url.search = new URLSearchParams({ query: range.query, start: seconds(fromMs), end: seconds(toMs), step: seconds(range.step) }).toString();
  return { url, headers };
}
