import type { ByKind } from '../model/kind-values.ts';
import { ForeshardError } from '../model/errors.ts';

/** Copies of an element at most. */
const most = 16;

/** A commander parser of `--replicas`: a number, and `kind=number` or `kind:scope=number` behind it for some kinds of state. */
export function replicasOf(text: string): ByKind<number> {
  const entries = text.split(',').map((part) => {
    const found = /^(?:([A-Za-z][\w-]*(?::[^:/=\s]+)?)=)?(\d{1,4})$/.exec(part);
    const count = Number(found?.[2]);
    if (found === null || count < 1 || count > most) throw new ForeshardError('usage', `--replicas ${text}: ${JSON.stringify(part)} is no number of copies from 1 to ${most}`, { hint: 'write 2, or 2,redis=3,http:catalogue=1 for some kinds of state' });
    return [found[1] ?? 'default', count] as const;
  });
  const twice = entries.find(([kind], index) => entries.findIndex(([other]) => other === kind) !== index);
  if (twice !== undefined) throw new ForeshardError('usage', `--replicas ${text}: ${twice[0]} is given twice`);
  return entries.length === 1 && entries[0]?.[0] === 'default' ? entries[0][1] : Object.fromEntries(entries);
}
