import type { AffinitySearch } from './affinity.ts';

/*
 * Takes load off members that are expected to have too much. Intuition (Dicer, github.com/databricks/dicer, whose placement weighs overshoot above churn): while a member is
 * above its cap, move what costs least for the load it takes away, to where there is room. A slot whose other replica has room just changes the order of its owners.
 * Limits: a slot that is heavier than the cap stays where it is; hot elements are split into copies instead (hot-elements.ts).
 */

/** Moves slots until every member's expected load is under its cap, or nothing helps; returns how many slots moved. */
export function repairLoad(search: AffinitySearch): number {
  const { graph, table, memberLoads, loadCaps } = search;
  let moved = 0;
  for (const [member, cap] of loadCaps.entries()) {
    if ((memberLoads[member] as number) <= cap) continue;
    const offers = Array.from(graph.slots.keys()).filter((vertex) => table.at(graph.slots[vertex] as number, 0) === member && (graph.loads[vertex] as number) > 0)
      .map((vertex) => ({ vertex, price: (search.relief(vertex)?.loss ?? Number.POSITIVE_INFINITY) / (graph.loads[vertex] as number) }))
      .filter(({ price }) => price < Number.POSITIVE_INFINITY).sort((a, b) => a.price - b.price || a.vertex - b.vertex);
    for (const { vertex } of offers) {
      if ((memberLoads[member] as number) <= cap) break;
      const relief = search.relief(vertex);
      if (relief !== undefined && search.change(vertex, relief.set)) moved++;
    }
  }
  return moved;
}
