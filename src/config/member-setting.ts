import { ForeshardError } from '../model/errors.ts';
import type { Member } from '../model/shard-map.ts';
import type { StateNodeSetting } from './config.ts';

/** What a state node may be told beside its address. */
const attributes = ['id', 'zone', 'capacity'] as const;

/**
 * The members that state-node settings name: an address, and where it matters `,id=…`, `,zone=…`, `,capacity=…` behind it; or these as an object. What is not told is as in the map before, for the member with this
 * address there; else ids are `node-1`, `node-2`, …, every member has a zone of its own, and all have the capacity 1.
 * @throws ForeshardError `config_invalid`
 */
export function memberSettings(settings: readonly (string | StateNodeSetting)[], before: readonly Member[] = []): Member[] {
  const free = [...before];
  const given = settings.map((setting) => {
    const { address, ...values } = typeof setting === 'string' ? parsed(setting) : setting;
    const known = free.findIndex((member) => (values.id === undefined ? member.address === address : member.id === values.id));
    return { address, values, known: known < 0 ? undefined : free.splice(known, 1)[0] };
  });
  const taken = new Set([...before.map(({ id }) => id), ...given.flatMap(({ values }) => values.id ?? [])]);
  let next = 0;
  const newId = (): string => {
    do next++; while (taken.has(`node-${next}`));
    return `node-${next}`;
  };
  const members = given.map(({ address, values, known }) => {
    const id = values.id ?? known?.id ?? newId();
    return { ...known, id, address, zone: values.zone ?? known?.zone ?? id.replace(/^node-/, 'zone-'), capacity: values.capacity ?? known?.capacity ?? 1 };
  });
  const twice = members.find(({ id }, index) => members.findIndex((other) => other.id === id) !== index);
  if (twice !== undefined) throw new ForeshardError('config_invalid', `the id ${twice.id} is given to two state nodes`, { hint: 'give each its own' });
  return members;
}

function parsed(text: string): StateNodeSetting {
  const [address = '', ...pairs] = text.split(/,(?=\w+=)/);
  const values: Partial<Record<(typeof attributes)[number], string>> = {};
  for (const pair of pairs) {
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const attribute = attributes.find((one) => one === name);
    if (attribute === undefined || value === '') throw new ForeshardError('config_invalid', `${text}: ${pair} is nothing a state node can be told`, { hint: `${attributes.map((one) => `${one}=…`).join(', ')}, for example redis://10.0.0.1:6379,zone=a,capacity=2` });
    values[attribute] = value;
  }
  const { capacity, ...rest } = values;
  if (capacity !== undefined && !(Number(capacity) > 0 && Number(capacity) < Number.POSITIVE_INFINITY)) throw new ForeshardError('config_invalid', `${text}: the capacity ${capacity} is not a number above 0`, { hint: '1 is an ordinary state node, 2 one that takes twice as much' });
  return { address, ...rest, ...capacity === undefined ? {} : { capacity: Number(capacity) } };
}
