import type { PayloadRef } from '../model/recording.ts';
import type { RecordingOutput } from './record-sink.ts';

const nothingKept: PayloadRef = { hash: '', sizeBytes: 0 };

/**
 * An output that fails once and then swallows: a full disk must end the recording with its reason, not the gateways in the middle of a
 * command.
 */
export function guardedOutput(output: RecordingOutput, onFailure: (error: Error) => void): RecordingOutput {
  let isBroken = false;
  const attempt = <T>(action: () => T, instead: T): T => {
    if (isBroken) return instead;
    try {
      return action();
    } catch (error) {
      isBroken = true;
      onFailure(error instanceof Error ? error : new Error(String(error)));
      return instead;
    }
  };
  void output.failed.then(onFailure);
  return {
    failed: output.failed,
    payload: (bytes, key) => attempt(() => output.payload(bytes, key), nothingKept),
    append: (line) => attempt(() => output.append(line), undefined),
  };
}
