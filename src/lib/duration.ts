/** A duration in ms for people, its two largest units: `1 h`, `1 h 30 min`, `250 ms`. */
export function duration(ms: number): string {
  if (ms < 0) return `-${duration(-ms)}`;
  const units = [['d', 86_400_000], ['h', 3_600_000], ['min', 60_000], ['s', 1000], ['ms', 1]] as const;
  const parts: string[] = [];
  let rest = Math.round(ms);
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 ms' : parts.join(' ');
}
