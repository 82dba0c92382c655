import type { OperationStats, StateNodeStats } from './state-node.ts';

/** Upper ends of the histogram's buckets in milliseconds, 1 µs to 9.5 s: every third one of `LatencyHistogram`, so that no count is split. */
const boundsMs: readonly number[] = Array.from({ length: 25 }, (_, index) => 0.001 * 1.25 ** (3 * index));

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [suffix: string, labels: Labels, value: number];

interface Family {
  /** Without `foreshard_state_node_`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: (node: StateNodeStats) => readonly Sample[];
}

const families: readonly Family[] = [
  gauge('elements', 'Revisions held.', ({ elements }) => elements),
  gauge('bytes', 'Bytes of payloads held.', ({ bytes }) => bytes),
  { name: 'max_bytes', type: 'gauge', help: 'Bytes of payloads that may be held; absent where the node does not say.', samples: ({ maxBytes }) => (maxBytes === null ? [] : [['', {}, maxBytes]]) },
  counter('reads_total', 'Revisions asked for.', ({ reads }) => reads),
  counter('hits_total', 'Revisions asked for and found.', ({ hits }) => hits),
  counter('writes_total', 'Revisions written that were not held before.', ({ writes }) => writes),
  counter('errors_total', 'Operations that failed, and values that were not what was written.', ({ errors }) => errors),
  counter('evictions_total', 'Values that the engine threw away by itself.', ({ evictions }) => evictions),
  perOperation('operation_items_total', 'Items in operations, by operation.', ({ items }) => items),
  perOperation('operation_errors_total', 'Operations that failed, by operation.', ({ errors }) => errors),
  {
    name: 'operation_duration_seconds', type: 'histogram', help: 'How long operations lasted, by operation.',
    samples: (node) => operationsOf(node).flatMap(([operation, stats]) => histogram({ operation }, stats)),
  },
];

/**
 * The metrics of state nodes in the Prometheus text format 0.0.4: each sample with the label `node`, the histogram's buckets cumulated and always the same ones, so that
 * rates over them are right.
 */
export function prometheusText(nodes: readonly StateNodeStats[]): string {
  return families.flatMap((family) => {
    const name = `foreshard_state_node_${family.name}`;
    const lines = nodes.flatMap((node) => family.samples(node).map(([suffix, labels, value]) => `${name}${suffix}${labelText({ node: node.id, ...labels })} ${value}\n`));
    return lines.length === 0 ? [] : [`# HELP ${name} ${family.help}\n# TYPE ${name} ${family.type}\n`, ...lines];
  }).join('');
}

function gauge(name: string, help: string, value: (node: StateNodeStats) => number): Family {
  return { name, type: 'gauge', help, samples: (node) => [['', {}, value(node)]] };
}

function counter(name: string, help: string, value: (node: StateNodeStats) => number): Family {
  return { name, type: 'counter', help, samples: (node) => [['', {}, value(node)]] };
}

function perOperation(name: string, help: string, value: (stats: OperationStats) => number): Family {
  return { name, type: 'counter', help, samples: (node) => operationsOf(node).map(([operation, stats]) => ['', { operation }, value(stats)]) };
}

function operationsOf({ operations }: StateNodeStats): [string, OperationStats][] {
  return Object.entries(operations).sort(([a], [b]) => (a < b ? -1 : 1));
}

function histogram(labels: Labels, { buckets, count, sumMs }: OperationStats): Sample[] {
  const upTo = (boundMs: number): number => buckets.findLast(([ms]) => ms <= boundMs * 1.001)?.[1] ?? 0;
  return [
    ...boundsMs.map((boundMs): Sample => ['_bucket', { ...labels, le: String(Number((boundMs / 1000).toPrecision(6))) }, upTo(boundMs)]),
    ['_bucket', { ...labels, le: '+Inf' }, count], ['_sum', labels, sumMs / 1000], ['_count', labels, count],
  ];
}

function labelText(labels: Labels): string {
  return `{${Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\\n"]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`).join(',')}}`;
}
