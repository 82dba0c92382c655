import pc from 'picocolors';
import type { NodeView } from '../state-nodes/node-watch.ts';
import { sizeText } from './terminal.ts';

const columns = ['node', 'role', 'state', 'p50', 'p99', 'ops/s', 'errors', 'memory', 'elements', 'heat'] as const;
const leftAligned: ReadonlySet<string> = new Set(['node', 'role', 'state']);

/** State nodes as a table; below it why some are not up. `width`: of the terminal. */
export function nodesTable(nodes: readonly NodeView[], width: number): string {
  const rows = nodes.map(cellsOf);
  const widths = columns.map((name, column) => Math.max(name.length, ...rows.map((row) => (row[column] as string).length)));
  const line = (cells: readonly string[]): string[] => cells.map((cell, column) => (leftAligned.has(columns[column] as string) ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number)));
  const fit = (text: string): string => text.slice(0, width).trimEnd();
  const lines = [pc.dim(fit(line(columns).join('  '))), ...rows.map((row, index) => coloured(fit(line(row).join('  ')), (nodes[index] as NodeView).state))];
  for (const { id, state, reason } of nodes) if (reason !== null) lines.push(`${colourOf(state)(state)} ${id}: ${reason}`.slice(0, width + 20));
  return `${lines.join('\n')}\n`;
}

function cellsOf(node: NodeView): string[] {
  const { id, address, role, state, bytes, maxBytes, heat } = node;
  return [
    id === address ? id : `${id} ${address}`, roleText(role), state, milliseconds(node.p50Ms), milliseconds(node.p99Ms), whole(node.opsPerSecond), whole(node.errors),
    bytes === null ? '–' : maxBytes === null ? sizeText(bytes) : `${sizeText(bytes)} of ${sizeText(maxBytes)}`,
    whole(node.elements), heat === null ? '–' : `${(heat * 100).toFixed(1)} %`,
  ];
}

function roleText(role: NodeView['role']): string {
  if (role === null) return '–';
  if (role.slots === 0) return 'owns nothing';
  return `owner of ${role.slots}${role.joining === 0 ? '' : `, joining ${role.joining}`}`;
}

function milliseconds(value: number | null): string {
  if (value === null) return '–';
  return value < 1 ? `${Math.round(value * 1000)} µs` : `${value.toFixed(1)} ms`;
}

function whole(value: number | null): string {
  return value === null ? '–' : String(Math.round(value));
}

function coloured(line: string, state: NodeView['state']): string {
  return line.replace(new RegExp(`(?<=\\s)${state}(?=\\s|$)`), (word) => colourOf(state)(word));
}

function colourOf(state: NodeView['state']): (text: string) => string {
  return state === 'up' ? pc.green : state === 'suspected' ? pc.yellow : pc.red;
}
