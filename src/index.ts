/** The front door of Foreshard. */
export { defineConfig, type CommandSetting, type ForeshardConfig, type HttpSetting, type KeyRuleSetting, type RedisSetting, type StateNodeSetting } from './config/config.ts';
export { membersOf, planReport, predictPlan, shardPlan, startRecording, type RecordJob, type RecordRequest } from './foreshard.ts';
export { acceptOutcomes, replayCandidate, runControls, type ReplayRequest, type ReplayResult } from './replaying.ts';
export { ForeshardError, type ErrorCode } from './model/errors.ts';
export type { Recording, RecordingManifest, RequestId, RequestRecord } from './model/recording.ts';
export type { CaseReport, Difference, DifferenceKind, NoiseRule, Report, Verdict } from './model/report.ts';
export type { CaseOutcome, Effect, Provenance, ReadTrace, Run } from './model/run.ts';
export { openRecording } from './recordings/open-recording.ts';

// Clusters: elements by key on state nodes that a steward looks after.
export { connectState, startSteward, type ClusterSettings, type ConnectedState, type RunningSteward } from './clustering.ts';
export { openStateNode, type OpenStateNodeOptions } from './state-nodes/open-state-node.ts';
export type { ElementRead, ElementWrite, StateClient } from './state-nodes/state-client.ts';
export type { HeadOrder } from './state-nodes/head.ts';
export type { MembershipChange } from './state-nodes/membership.ts';
export type { Consistency } from './state-nodes/protocol-rules.ts';
export type { HeldRevision, RevisionName, StateNode, StateNodeStats, StoredRevision } from './state-nodes/state-node.ts';

// Placement: pure functions from a heatmap to a shard map, who owns what by it, and a cluster that nobody has.
export { decodeShardMap, encodeShardMap } from './model/artefact-codec.ts';
export { Directory, ownersOf, slotOf, tagOf } from './model/directory.ts';
export type { Heatmap, HeatmapElement } from './model/heatmap.ts';
export type { ByKind } from './model/kind-values.ts';
export { memberName, type Member, type ShardMap, type SlotChange } from './model/shard-map.ts';
export type { StateKey } from './model/state-key.ts';
export type { Placement, PlacementOptions, SlotMove } from './shard/placement.ts';
export type { PlanReport } from './shard/plan-report.ts';
export { simulate as simulateCluster, type SimulationOptions, type SimulationResult } from './shard/simulate.ts';
