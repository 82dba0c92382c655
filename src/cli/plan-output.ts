import pc from 'picocolors';
import type { PlanReport } from '../shard/plan-report.ts';

/** A plan for the terminal: members, what requests will touch, what moves, and why. `prefixes`: of the state that it is about, where others have other plans; the empty one is the rest. */
export function planText(report: PlanReport, prefixes?: readonly string[]): string {
  const { after, epoch, replicas } = report;
  const elements = report.elements.toLocaleString('en');
  const of = prefixes === undefined ? '' : `  ${pc.dim(`(${prefixes.map((prefix) => (prefix === '' ? 'all other state' : prefix)).join(', ')})`)}`;
  return [
    `${pc.bold('plan')}  epoch ${epoch}: ${elements} elements on ${counted(after.members.length, 'state node')}, ${counted(replicas, 'copy', 'copies')} of each${of}`,
    '', ...memberTable(report), '', ...effects(report), '', ...whys(report),
  ].join('\n');
}

function memberTable({ after, headroom }: PlanReport): string[] {
  const hasHeadroom = headroom.some((room) => room !== undefined);
  const header = ['state node', 'zone', 'slots', 'elements', 'expected load', 'of its share', ...hasHeadroom ? ['room left'] : [], 'address'];
  const rows = after.members.map(({ member, slots, elements, loadShare, capacityShare }, index) => [
    member.id, member.zone, slots.toLocaleString('en'), elements.toLocaleString('en'), percent(loadShare), `${(loadShare / capacityShare).toFixed(2)}×`,
    ...hasHeadroom ? [headroom[index] === undefined ? 'unknown' : percent(headroom[index])] : [], member.address,
  ]);
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => (row[column] as string).length)));
  const isText = (column: number): boolean => column < 2 || column === header.length - 1;
  const line = (cells: readonly string[]): string => `  ${cells.map((cell, column) => (isText(column) ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number))).join('  ').trimEnd()}`;
  return [pc.dim(line(header)), ...rows.map(line)];
}

function effects({ after, byHash, moves, hot }: PlanReport): string[] {
  const lines: string[] = [];
  const row = (name: string, text: string): number => lines.push(`  ${name.padEnd(12)}${text}`);
  if (after.fanOut !== null && byHash.fanOut !== null) row('fan-out', `${after.fanOut.toFixed(2)} state nodes a request, ${percent(after.single ?? 0)} of the requests on one  ${pc.dim(`(a plain hash: ${byHash.fanOut.toFixed(2)}, ${percent(byHash.single ?? 0)})`)}`);
  row('load', `the busiest has ${after.imbalance.toFixed(2)}× its share  ${pc.dim(`(a plain hash: ${byHash.imbalance.toFixed(2)}×)`)}`);
  row('copies', `${after.copies.toLocaleString('en')} of listed elements, ${after.hotCopies.toLocaleString('en')} of them for ${counted(hot.wide + hot.more, 'hot element')} and ${counted(hot.near, 'element')} near what is read with it`);
  if (moves !== undefined) row('moves', `${counted(moves.slots, 'slot')} of ${moves.inUse.toLocaleString('en')} in use and ${moves.unused.toLocaleString('en')} unused ones: ${counted(moves.copies, 'copy', 'copies')} of slots; ${counted(moves.hot, 'hot element')}`);
  return lines;
}

function whys({ reasons }: PlanReport): string[] {
  return [pc.bold('why'), ...reasons.map((reason) => `  ${reason}`)];
}

function counted(count: number, one: string, more = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : more}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
