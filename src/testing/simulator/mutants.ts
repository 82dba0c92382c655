import { soundRules, type ProtocolRules } from '../../state-nodes/protocol-rules.ts';
import type { newestEntries, RecoveryOptions } from '../../state-nodes/recovery.ts';
import { registerStep, type RegisterState, type RegisterStep } from '../../state-nodes/slot-register.ts';
import { bareScenario, hostileScenario, simulate, type Scenario } from './simulator.ts';

/** A protocol with one deliberate mistake, and the kind of schedule that shows it. */
export interface Mutant {
  readonly name: string;
  readonly scenario: Omit<Scenario, 'seed'>;
  /** A seed that showed it when this was written. */
  readonly foundBy: number;
  readonly mistake: Pick<Scenario, 'rules' | 'step' | 'recover'>;
}

const broken = (change: Partial<ProtocolRules>, of: ProtocolRules = soundRules): Pick<Scenario, 'rules'> => ({ rules: { ...of, ...change } });
const lastWriter: Omit<Scenario, 'seed'> = { ...hostileScenario, order: 'last-writer-wins' };

/** Owners that miss a write get it by hints alone: nobody compares, nobody starts anew. */
const withoutAntiEntropy: ProtocolRules = { ...soundRules, antiEntropy: false };

/** Nothing but hints brings a silent owner up to date: the sound protocol must converge here too. */
export const hintsAlone: Omit<Scenario, 'seed'> = { ...lastWriter, moves: false, memoryLoss: false, clientRestarts: false, rules: withoutAntiEntropy };

/** Deliberate mistakes, each of which some schedule must find: what keeps a rule of the protocol from being taken out unnoticed. */
export const mutants: readonly Mutant[] = [
  { name: 'acknowledges before W owners have it', scenario: hostileScenario, foundBy: 3, mistake: broken({ writeQuorum: () => 1 }) },
  { name: 'activates a joiner before it has pulled', scenario: bareScenario, foundBy: 301, mistake: broken({ pullBeforeActivate: false }, bareScenario.rules) },
  { name: 'pulls from one old owner', scenario: bareScenario, foundBy: 1898, mistake: broken({ pullQuorum: () => 1 }, bareScenario.rules) },
  { name: 'counts a joiner that is still pulling', scenario: hostileScenario, foundBy: 30, mistake: broken({ counts: ({ status }) => status === 'ok' }) },
  { name: 'uses an actor again in another life', scenario: hostileScenario, foundBy: 379, mistake: broken({ actorOf: (name) => name.split('@')[0] as string }) },
  { name: 'does not fence', scenario: bareScenario, foundBy: 260, mistake: { step: withoutFence } },
  { name: 'takes operations of older entries', scenario: bareScenario, foundBy: 188, mistake: { step: withoutRefusal } },
  { name: 'lets an old owner forget at once', scenario: bareScenario, foundBy: 41, mistake: { step: forgettingAtOnce } },
  { name: 'has no anti-entropy', scenario: hostileScenario, foundBy: 10, mistake: broken({ antiEntropy: false }) },
  { name: 'drops hints', scenario: hintsAlone, foundBy: 1, mistake: broken({ hints: false }, withoutAntiEntropy) },
  { name: 'lets win what comes last', scenario: lastWriter, foundBy: 1, mistake: broken({ mergeByTime: false }) },
  { name: 'has clocks that do not receive', scenario: lastWriter, foundBy: 1, mistake: broken({ clockReceives: false }) },
  { name: 'believes a coordinator that forgot', scenario: { ...hostileScenario, rollbacks: 6 }, foundBy: 1, mistake: { recover: withoutAsking } },
];

/** The first of these seeds whose schedule shows the mistake, and how; undefined: none does. */
export async function kill({ scenario, mistake }: Mutant, seeds: Iterable<number>): Promise<{ readonly seed: number; readonly kinds: readonly string[] } | undefined> {
  for (const seed of seeds) {
    const { violations } = await simulate({ ...scenario, ...mistake, seed });
    if (violations.length > 0) return { seed, kinds: [...new Set(violations.map(({ kind }) => kind))] };
  }
  return undefined;
}

/** Takes the map that it happens to have for the newest one. */
async function withoutAsking({ base, token }: RecoveryOptions): ReturnType<typeof newestEntries> {
  return { entries: new Map(), incarnation: Math.max(base.incarnation + 1, token) };
}

type Step = typeof registerStep;

/** Gives the heads of a slot without adopting the entry that asks for them. */
function withoutFence(...[self, view, operation, digestOf]: Parameters<Step>): RegisterStep {
  const { state: _, ...rest } = registerStep(self, view, operation, digestOf);
  return operation.op === 'fence' ? rest : registerStep(self, view, operation, digestOf);
}

/** Runs what comes with an older entry as if it came with the newest. */
function withoutRefusal(...[self, view, operation, digestOf]: Parameters<Step>): RegisterStep {
  const known = view.state.entry;
  if (operation.op === 'look' || known === null) return registerStep(self, view, operation, digestOf);
  const stale = registerStep(self, view, operation, digestOf).answer.status === 'stale';
  return registerStep(self, view, stale ? { ...operation, entry: { ...operation.entry, incarnation: known.incarnation, epoch: known.epoch } } : operation, digestOf);
}

/** Throws away its heads as soon as it is told that it is no owner any longer. */
function forgettingAtOnce(...[self, view, operation, digestOf]: Parameters<Step>): RegisterStep {
  const step = registerStep(self, view, operation, digestOf);
  const adopted: RegisterState | undefined = step.state;
  if (adopted?.entry === null || adopted?.entry?.own.includes(self) !== false) return step;
  return { ...step, heads: [...view.heads].map(([key, head]) => ({ key, expected: head, next: null })) };
}
