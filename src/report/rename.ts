/*
 * Generated ids differ from run to run, and nothing is wrong with that as long as they differ consistently: where the baseline
 * had A, in the answer, in a cookie, in a state key, the candidate must have X, and nowhere else. So the two outcomes are walked
 * side by side; tokens of the same shape at the same place are a vote for A ↔ X; the votes that form a bijection are applied to
 * the candidate's outcome before anything is compared. A token that existed before the case (in the request, the state read, a
 * dependency's answer) was not generated and is never renamed. What breaks the bijection stays, and so is a difference.
 * Limit: a digest that the candidate computes wrongly looks like another id; `known` should hold what control runs repeat.
 */
import { pairLeftovers } from './align.ts';
import { diffTrees, type TreeChange } from './diff-tree.ts';
import { renameDocument, type CaseDocument, type WriteDocument } from './document.ts';
import { Occurrences } from './occurrences.ts';
import { pairNames, type NamedContents } from './pair-names.ts';
import { callPlace, responsePlace, valuePlace } from './places.ts';
import type { Segment } from './paths.ts';
import { namePairs, replacer, tokenPairs, type TokenPair } from './tokens.ts';
import { canonical, type Tree } from './tree.ts';
import { mask } from './value-class.ts';

/** A generated id of the baseline and the candidate's for it, and where it was first seen. */
export interface RenamedToken {
  readonly baseline: string;
  readonly candidate: string;
  readonly place: readonly Segment[];
  readonly decimal: boolean;
  /** Two moments of a clock that goes on: each may well stand elsewhere too. */
  readonly isMoment: boolean;
}

/** What renaming may take for generated. */
export interface RenamingRules {
  /** Whether a token existed before the case, or is the same in every control run. */
  readonly known: (token: string) => boolean;
  /** Whether decimal numbers at a place are generated: only where control runs differ. */
  readonly decimalAt: (place: readonly Segment[]) => boolean;
  /** Whether two moments in names are one, read from a clock that goes on. */
  readonly sameMoment: (baseline: string, candidate: string) => boolean;
  /** Whether a place is known to hold generated ids, from other cases: there one need not look generated to be one. */
  readonly generatedAt?: (place: readonly Segment[]) => boolean;
}

/** Learns which ids of the candidate stand for which of the baseline, and gives the candidate's document with the baseline's. */
export function renamed(baseline: CaseDocument, candidate: CaseDocument, rules: RenamingRules): { readonly document: CaseDocument; readonly tokens: readonly RenamedToken[] } {
  const accepted = new Map<string, RenamedToken>();
  let document = candidate;
  let texts: [Occurrences, Occurrences] | undefined;
  // the response first: what it shows decides whose id a state key must carry; later rounds see the earlier ones' ids renamed
  for (const parts of ['response', 'all', 'all'] as const) {
    const votes = new Votes(rules);
    if (baseline.response !== null && document.response !== null) {
      diffTrees(baseline.response, document.response, responsePlace, { emit: votes.take, fits: votes.fits });
    }
    if (parts === 'all') walkState(baseline, document, votes);
    const before = accepted.size;
    votes.acceptInto(accepted);
    if (accepted.size === before) {
      if (parts === 'all') break;
      continue;
    }
    texts ??= [new Occurrences(textOf(baseline)), new Occurrences(textOf(candidate))];
    dropInconsistent(accepted, ...texts);
    document = renameDocument(candidate, replacer(new Map([...accepted].map(([token, pair]) => [token, pair.baseline]))));
  }
  return { document, tokens: [...accepted.values()] };
}

class Votes {
  readonly #rules: RenamingRules;
  readonly #pairs = new Map<string, { token: RenamedToken; votes: number }>();

  constructor(rules: RenamingRules) {
    this.#rules = rules;
  }

  readonly take = (change: TreeChange): void => {
    const [a, b] = [change.baseline, change.candidate];
    if (a?.kind !== 'leaf' || b?.kind !== 'leaf' || (change.change !== 'value' && change.change !== 'name')) return;
    if (!isTokenValue(a.value) || !isTokenValue(b.value) || typeof a.value !== typeof b.value) return;
    if (change.change === 'name' && this.#rules.sameMoment(String(a.value), String(b.value))) {
      this.#vote({ baseline: String(a.value), candidate: String(b.value), decimal: false }, change.segments);
      return;
    }
    const pairs = change.change === 'name' ? namePairs : tokenPairs;
    for (const pair of pairs(String(a.value), String(b.value), this.#rules.generatedAt?.(change.segments))) this.#vote(pair, change.segments);
  };

  /** Whether two names differ in nothing but what may be generated. */
  readonly fits = (baseline: string, candidate: string, place: readonly Segment[]): boolean => {
    if (this.#rules.sameMoment(baseline, candidate)) return true;
    const pairs = namePairs(baseline, candidate, this.#rules.generatedAt?.(place));
    return pairs.length > 0 && pairs.every((pair) => this.#kindOf(pair, place) !== undefined);
  };

  #kindOf(pair: TokenPair, place: readonly Segment[]): 'moment' | 'decimal' | 'id' | undefined {
    if (this.#rules.sameMoment(pair.baseline, pair.candidate)) return 'moment'; // that it was there before, or in another run, is chance
    if (pair.decimal && !this.#rules.decimalAt(place)) return undefined;
    if (this.#rules.known(pair.baseline) || this.#rules.known(pair.candidate)) return undefined;
    return pair.decimal ? 'decimal' : 'id';
  }

  #vote(pair: TokenPair, place: readonly Segment[]): void {
    const kind = this.#kindOf(pair, place);
    if (kind === undefined) return;
    const id = `${pair.baseline}\n${pair.candidate}`;
    const entry = this.#pairs.get(id);
    if (entry === undefined) this.#pairs.set(id, { token: { ...pair, decimal: kind === 'decimal', isMoment: kind === 'moment', place }, votes: 1 });
    else entry.votes++;
  }

  /** Most votes first; a token that is already taken stays with its first partner. */
  acceptInto(accepted: Map<string, RenamedToken>): void {
    const taken = new Set([...accepted.values()].map((pair) => pair.baseline));
    for (const { token } of [...this.#pairs.values()].sort((a, b) => b.votes - a.votes)) {
      if (accepted.has(token.candidate) || taken.has(token.baseline)) continue;
      accepted.set(token.candidate, token);
      taken.add(token.baseline);
    }
  }
}

function isTokenValue(value: unknown): value is string | number {
  return typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value));
}

/** A pair A ↔ X cannot hold when the candidate has A itself somewhere, or the baseline X, and they stand for no other id. */
function dropInconsistent(accepted: Map<string, RenamedToken>, inBaseline: Occurrences, inCandidate: Occurrences): void {
  for (let changed = true; changed;) {
    changed = false;
    const baselineTokens = new Set([...accepted.values()].map((pair) => pair.baseline));
    for (const [token, pair] of accepted) {
      if (pair.isMoment) continue;
      const foreign = (!accepted.has(pair.baseline) && inCandidate.has(pair.baseline)) || (!baselineTokens.has(token) && inBaseline.has(token));
      if (!foreign) continue;
      accepted.delete(token);
      changed = true;
    }
  }
}

/** Everything a document says, as one text. */
export function textOf(document: CaseDocument): string {
  const parts: string[] = [];
  if (document.response !== null) parts.push(canonical(document.response));
  for (const write of document.writes.values()) parts.push(write.key, ...write.parts, write.after === null ? '' : canonical(write.after));
  for (const call of document.calls) parts.push(call.target, canonical(call.tree));
  for (const [channel, trees] of document.messages) parts.push(channel, ...trees.map(canonical));
  return parts.join('\n');
}

function walkState(baseline: CaseDocument, candidate: CaseDocument, votes: Votes): void {
  walkWrites(baseline, candidate, votes);
  const [left, right] = [baseline.calls, candidate.calls];
  const shape = (call: (typeof left)[number]): string => `${call.dependency} ${call.method} ${mask(call.target, { numbers: true })}`;
  for (const [call, other] of pairLeftovers(left, right, { shape, text: (item) => canonical(item.tree) })) {
    diffTrees(call.tree, other.tree, callPlace(call), { emit: votes.take, fits: votes.fits });
  }
  const messagesOn = (name: string, side: 'baseline' | 'candidate'): Tree => ({ kind: 'list', items: (side === 'baseline' ? baseline : candidate).messages.get(name) ?? [] });
  const fits = (name: string, other: string): boolean => votes.fits(name, other, ['messages', name]);
  for (const [channel, other] of allNames(baseline.messages.keys(), candidate.messages.keys(), { content: messagesOn, fits })) {
    takeName(['messages', channel], channel, other, votes);
    diffTrees(messagesOn(channel, 'baseline'), messagesOn(other, 'candidate'), ['messages', channel], { emit: votes.take, fits: votes.fits });
  }
}

function walkWrites(baseline: CaseDocument, candidate: CaseDocument, votes: Votes): void {
  const content = (key: string, side: 'baseline' | 'candidate'): Tree | null => (side === 'baseline' ? baseline : candidate).writes.get(key)?.after ?? null;
  for (const [key, other] of allNames(baseline.writes.keys(), candidate.writes.keys(), { content, fits: (name, found) => votes.fits(name, found, ['writes', name]) })) {
    const [write, counterpart] = [baseline.writes.get(key) as WriteDocument, candidate.writes.get(other) as WriteDocument];
    takeName(['writes', key], key, other, votes);
    if (write.after !== null && counterpart.after !== null) diffTrees(write.after, counterpart.after, valuePlace(write), { emit: votes.take, fits: votes.fits });
    const fits = (name: string, found: string): boolean => votes.fits(name, found, [...valuePlace(write), name]);
    for (const [part, otherPart] of allNames(write.parts, counterpart.parts, { content: () => null, fits })) takeName([...valuePlace(write), part], part, otherPart, votes);
  }
}

function takeName(place: readonly Segment[], name: string, other: string, votes: Votes): void {
  if (name === other) return;
  votes.take({ change: 'name', segments: place, baseline: { kind: 'leaf', value: name }, candidate: { kind: 'leaf', value: other } });
}

/** Equal names, then those that differ in generated parts. */
function allNames(left: Iterable<string>, right: Iterable<string>, contents: NamedContents): [string, string][] {
  const [mine, theirs] = [[...left], new Set(right)];
  const same = mine.filter((name) => theirs.has(name));
  const known = new Set(same);
  return [...same.map((name): [string, string] => [name, name]), ...pairNames(mine.filter((name) => !known.has(name)), [...theirs].filter((name) => !known.has(name)), contents)];
}
