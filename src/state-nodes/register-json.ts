import { z } from 'zod';
import { slotCount } from '../model/shard-map.ts';
import type { RegisterOperation } from './slot-register.ts';

const slot = z.int().min(0).max(slotCount - 1);
const names = z.array(z.string());
const head = z.string().nullable();
const entry = z.object({ incarnation: z.int(), epoch: z.int(), own: names, old: names, joining: names, pull: z.int().min(0) });

const operations: Readonly<Record<RegisterOperation['op'], z.ZodType<RegisterOperation>>> = {
  look: z.object({ op: z.literal('look'), slot }),
  read: z.object({ op: z.literal('read'), slot, entry, keys: names }),
  swap: z.object({ op: z.literal('swap'), slot, entry, swaps: z.array(z.object({ key: z.string(), expected: head, next: head })) }),
  fence: z.object({ op: z.literal('fence'), slot, entry }),
  activate: z.object({ op: z.literal('activate'), slot, entry }),
  release: z.object({ op: z.literal('release'), slot, entry, digest: z.string() }),
};

/** The register operation in a value from outside; where it is none, what is wrong. */
export function registerOperationOf(value: unknown): RegisterOperation | string {
  const op: unknown = typeof value === 'object' && value !== null && 'op' in value ? value.op : undefined;
  if (typeof op !== 'string' || !Object.hasOwn(operations, op)) return `op is none of ${Object.keys(operations).join(', ')}`;
  const result = operations[op as RegisterOperation['op']].safeParse(value);
  return result.success ? result.data : z.prettifyError(result.error).replaceAll('\n', ' ');
}
