/** What measures the same, from the nearest to the service to the farthest: its process, its container, its pod, its host. */
const cpu = [
  'process.cpu.utilization', 'process.runtime.jvm.cpu.utilization', 'jvm.cpu.recent_utilization', 'container.cpu.utilization', 'container.cpu.usage',
  'k8s.pod.cpu.utilization', 'k8s.pod.cpu.usage', 'system.cpu.utilization', 'k8s.node.cpu.usage',
];
const memory = [
  'process.memory.usage', 'process.memory.physical_usage', 'process.runtime.jvm.memory.usage', 'jvm.memory.used', 'container.memory.usage', 'container.memory.working_set',
  'k8s.pod.memory.usage', 'k8s.pod.memory.working_set', 'system.memory.usage', 'k8s.node.memory.usage',
];

interface Ranked { readonly short: string; readonly rank: number }

const ranked = (short: string, names: readonly string[]): [string, Ranked][] => names.map((name, rank) => [name, { short, rank }]);
const ranks: ReadonlyMap<string, Ranked> = new Map([...ranked('cpu', cpu), ...ranked('memory', memory)]);

/** Members have to be remembered no longer than this. */
const mostMembers = 50_000;

/**
 * Short names of metrics: `cpu` and `memory` for the many names that CPU and memory use have, all others as they are. A member that sends
 * several of them keeps the nearest one under the short name; the others keep their own, since their scales differ.
 */
export class MetricNames {
  readonly #best = new Map<string, number>();

  /** The name of a metric of a member. */
  shortName(member: string, name: string): string {
    const known = ranks.get(name);
    if (known === undefined) return name;
    const key = `${known.short} ${member}`;
    const best = this.#best.get(key) ?? Number.POSITIVE_INFINITY;
    if (known.rank > best) return name;
    if (known.rank < best) {
      if (this.#best.size >= mostMembers) this.#best.clear();
      this.#best.set(key, known.rank);
    }
    return known.short;
  }
}
