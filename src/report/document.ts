import { printable, type ByteString } from '../lib/bytes.ts';
import { unreachable } from '../lib/assert.ts';
import type { ElementType, ElementValue } from '../model/element.ts';
import type { CaseOutcome, Effect, ExpiryEffect, OutcomeCall } from '../model/run.ts';
import type { StateKey } from '../model/state-key.ts';
import { bodyTree, callHeaderTree, responseHeaderTree, targetTree } from './http-tree.ts';
import { bytesTree } from './read-tree.ts';
import { canonical, leaf, leafCount, mapText, objectTree, type ObjectTree, type Tree } from './tree.ts';

/** What a case did to one element, in comparable form. */
export interface WriteDocument {
  /** For people and paths: the state key as text. */
  readonly key: string;
  readonly stateKey: StateKey;
  readonly type: ElementType | null;
  /** null: it does not exist afterwards. */
  readonly after: Tree | null;
  readonly existedBefore: boolean;
  /** Labels of fields and members that were assigned or removed. */
  readonly parts: ReadonlySet<string>;
  readonly valueWritten: boolean;
  /** null: left alone, or cleared where there was none. */
  readonly expiry: ExpiryEffect | null;
}

/** A call to a dependency, in comparable form. */
export interface CallDocument {
  readonly dependency: string;
  readonly method: string;
  readonly target: string;
  readonly tree: ObjectTree;
  /** Earlier calls, by index, that had no answer yet. */
  readonly during: readonly number[];
}

/** A case's outcome in comparable form: reads, commands and timing are not in it. */
export interface CaseDocument {
  readonly response: ObjectTree | null;
  readonly writes: ReadonlyMap<string, WriteDocument>;
  readonly calls: readonly CallDocument[];
  /** Messages by channel, in order. */
  readonly messages: ReadonlyMap<string, readonly Tree[]>;
  /** How long the case went on: what it read from a clock is at most so far from its start. */
  readonly lastedMs: number;
}

/** The comparable form of an outcome. */
export function documentOf(outcome: CaseOutcome): CaseDocument {
  const { response } = outcome;
  const body = response === null ? null : bodyTree(response.headers, response.body);
  const messages = new Map<string, Tree[]>();
  for (const { channel, message } of outcome.messages) {
    const name = printable(channel);
    messages.set(name, [...messages.get(name) ?? [], bytesTree(message)]);
  }
  return {
    response: response === null ? null : objectTree([
      ['status', leaf(response.status)],
      ['headers', responseHeaderTree(response.headers, response.body.length > 0)],
      ...body === null ? [] : [['body', body] as const],
    ]),
    writes: new Map(outcome.effects.filter(isWrite).map((effect) => [printable(effect.key), writeDocument(effect)])),
    calls: outcome.calls.map(callDocument),
    messages,
    lastedMs: outcome.timing.totalMs,
  };
}

/** Whether an effect says that the case wrote: its value, a part of it, or its expiry. */
function isWrite(effect: Effect): boolean {
  return effect.valueWritten || effect.parts.length > 0 || effect.expiry !== null;
}

function writeDocument(effect: Effect): WriteDocument {
  const { key, before, after, expiry } = effect;
  const collection = after?.value.type ?? before?.value.type;
  return {
    key: printable(key),
    stateKey: key,
    type: after?.value.type ?? null,
    after: after === null ? null : valueTree(after.value),
    existedBefore: before !== null,
    parts: new Set(effect.parts.map((part) => partLabel(collection, part))),
    valueWritten: effect.valueWritten || effect.parts.length > 0,
    // clearing an expiry that is not there does nothing: SET on a key without one is not "cleared"
    expiry: expiry?.kind === 'cleared' && (before === null || before.expiresAtMs === null) ? null : expiry,
  };
}

function partLabel(type: ElementType | undefined, part: ByteString): string {
  return type === 'hash' || type === undefined ? printable(part) : canonical(bytesTree(part));
}

/** An element's value as a tree: hashes by field, sets and sorted sets as bags, lists and streams by position. */
export function valueTree(value: ElementValue): Tree {
  switch (value.type) {
    case 'string': return bytesTree(value.value);
    case 'hash': return objectTree(value.fields.map(([field, content]) => [printable(field), bytesTree(content)] as const));
    case 'list': return { kind: 'list', items: value.items.map((item) => bytesTree(item)) };
    case 'set': return { kind: 'bag', items: value.members.map((member) => bagItem(bytesTree(member))) };
    case 'zset': return { kind: 'bag', items: value.members.map(([member, score]) => {
      const tree = bytesTree(member);
      return { label: canonical(tree), tree: objectTree([['member', tree], ['score', leaf(Number.isFinite(score) ? score : String(score))]]) };
    }) };
    case 'stream': return streamTree(value);
    default: return unreachable(value);
  }
}

function bagItem(tree: Tree): { label: string; tree: Tree } {
  return { label: canonical(tree), tree };
}

function streamTree(stream: Extract<ElementValue, { type: 'stream' }>): Tree {
  return objectTree([
    ['items', { kind: 'list', items: stream.items.map(({ id, fields }) => objectTree([
      ['id', leaf(id)],
      ['fields', objectTree(fields.map(([field, content]) => [printable(field), bytesTree(content)] as const))],
    ])) }],
    ['groups', objectTree(stream.groups.map((group) => [printable(group.name), objectTree([
      ['lastDeliveredId', leaf(group.lastDeliveredId)],
      ['pending', { kind: 'list', items: group.pending.map(({ id, consumer }) => objectTree([['id', leaf(id)], ['consumer', bytesTree(consumer)]])) }],
    ])] as const))],
  ]);
}

function callDocument(call: OutcomeCall): CallDocument {
  const body = bodyTree(call.headers, call.body);
  return {
    dependency: call.dependency,
    method: call.method.toUpperCase(),
    target: call.target,
    during: call.during ?? [],
    tree: objectTree([
      ['target', targetTree(call.target)],
      ['headers', callHeaderTree(call.headers)],
      ...body === null ? [] : [['body', body] as const],
    ]),
  };
}

/** The document with every text gone through `rename`: keys, fields, members, values, targets, channels. */
export function renameDocument(document: CaseDocument, rename: (text: string) => string): CaseDocument {
  return {
    response: document.response && mapText(document.response, rename) as ObjectTree,
    writes: new Map([...document.writes].map(([key, write]) => [rename(key), {
      ...write, key: rename(key), stateKey: rename(write.stateKey), after: write.after && mapText(write.after, rename), parts: new Set([...write.parts].map(rename)),
    }])),
    calls: document.calls.map((call) => ({ ...call, target: rename(call.target), tree: mapText(call.tree, rename) as ObjectTree })),
    messages: new Map([...document.messages].map(([channel, trees]) => [rename(channel), trees.map((tree) => mapText(tree, rename))])),
    lastedMs: document.lastedMs,
  };
}

/** How many leaves of a document are compared: the unit of the asserted share. */
export function documentLeaves(document: CaseDocument): number {
  let leaves = document.response === null ? 0 : leafCount(document.response);
  for (const write of document.writes.values()) leaves += 1 + (write.after === null ? 1 : leafCount(write.after));
  for (const call of document.calls) leaves += leafCount(call.tree);
  for (const trees of document.messages.values()) for (const tree of trees) leaves += leafCount(tree);
  return leaves;
}
