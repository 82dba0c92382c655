/** The front door of Foreshard. */
export { defineConfig, type CommandSetting, type ForeshardConfig, type HttpSetting, type RedisSetting } from './config/config.ts';
export { predictPlan, shardPlan, startRecording, type RecordJob, type RecordRequest } from './foreshard.ts';
export { acceptOutcomes, replayCandidate, runControls, type ReplayRequest, type ReplayResult } from './replaying.ts';
export { ForeshardError, type ErrorCode } from './model/errors.ts';
export type { Recording, RecordingManifest, RequestId, RequestRecord } from './model/recording.ts';
export type { CaseReport, Difference, DifferenceKind, NoiseRule, Report, Verdict } from './model/report.ts';
export type { CaseOutcome, Effect, Provenance, ReadTrace, Run } from './model/run.ts';
export { openRecording } from './recordings/open-recording.ts';
