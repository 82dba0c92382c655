/**
 * The door `foreshard/testing`: what an engine of one's own has to do, as cases for any test runner, and the simulator that the protocol is proved with. Needs no test runner itself.
 */
export { stateNodeCases, type CaseExceptions, type CaseRunner, type CaseTopic, type EngineUnderTest } from './state-node-cases.ts';
export { coordinatorCases, type CoordinatorHarness } from './coordinator-cases.ts';
export { bareScenario, hostileScenario, simulate, usualScenario, type Scenario, type SimulationResult } from './simulator/simulator.ts';
export { runSeeds, suite, type SuiteEntry } from './simulator/suite.ts';
export { kill, mutants, type Mutant } from './simulator/mutants.ts';
export type { Violation } from './simulator/history.ts';
export type { Coordinator, Published } from '../state-nodes/coordinator.ts';
export type { HeadOrder } from '../state-nodes/head.ts';
export { soundRules, type Consistency, type ProtocolRules } from '../state-nodes/protocol-rules.ts';
export { registerStep, type RegisterAnswer, type RegisterOperation, type RegisterStep, type RegisterView, type SlotEntry } from '../state-nodes/slot-register.ts';
export type { HeldRevision, OperationStats, RevisionName, StateNode, StateNodeStats, StoredRevision } from '../state-nodes/state-node.ts';
