/**
 * What can go wrong in operation, by code. `usage` errors end a command with exit code 2, `infrastructure` ones with 3.
 */
export type ErrorCode =
  // usage and configuration
  | 'config_invalid' | 'config_not_found' | 'usage'
  | 'recording_not_found' | 'recording_exists' | 'recording_newer' | 'recording_damaged' | 'recording_locked' | 'recording_empty'
  | 'request_not_found' | 'baseline_missing' | 'framework_missing' | 'input_not_found' | 'input_unreadable'
  // infrastructure
  | 'service_not_started' | 'service_not_ready' | 'service_died' | 'port_in_use' | 'upstream_unreachable' | 'upstream_refused'
  | 'lane_unavailable' | 'state_node_unreachable' | 'state_node_full' | 'state_node_evicts' | 'state_node_restarted' | 'payload_too_large' | 'namespace_foreign' | 'quorum_missing' | 'map_outdated' | 'coordinator_unreachable' | 'payload_missing' | 'payload_corrupt' | 'protocol_error' | 'timeout'
  | 'recording_not_written' | 'drive_failed' | 'interrupted';

const usageCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'config_invalid', 'config_not_found', 'usage', 'recording_not_found', 'recording_exists', 'recording_newer', 'recording_damaged',
  'recording_locked', 'recording_empty', 'request_not_found', 'baseline_missing', 'framework_missing', 'input_not_found', 'input_unreadable',
]);

/** An operating error: a code to branch on, a message that says where and what, and a hint that says what to do. */
export class ForeshardError extends Error {
  override readonly name = 'ForeshardError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  /** 2 for usage and configuration, 3 for infrastructure, 130 for an interruption. */
  get exitCode(): number {
    if (this.code === 'interrupted') return 130;
    return usageCodes.has(this.code) ? 2 : 3;
  }
}
