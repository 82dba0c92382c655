import { Option, type Command } from 'commander';
import pc from 'picocolors';
import type { ForeshardConfig } from '../config/config.ts';
import type { ForecastRequest } from '../forecast.ts';
import { formatNames, type FormatName } from '../importers/format.ts';
import { ForeshardError } from '../model/errors.ts';
import { collect, wholeNumber, type StatusLine } from './terminal.ts';

/** Flags of commands that read traffic. */
export interface InputFlags {
  readonly horizon?: number;
  readonly bucket?: number;
  readonly format?: FormatName;
  readonly logFormat?: string;
  readonly service?: string;
  readonly elements?: number;
  readonly seed?: string;
  readonly prometheus?: string;
  readonly query?: string[];
}

/** Adds them. */
export function addInputOptions(command: Command): Command {
  return command
    .option('--horizon <time>', 'how far ahead, like 24h (default: half of what was observed, up to a day)', timeOf('--horizon'))
    .option('--bucket <time>', 'length of a time bucket, like 5m (default: 5m, shorter where the inputs are)', timeOf('--bucket'))
    .addOption(new Option('--format <name>', 'format of the inputs (default: found out)').choices(formatNames))
    .option('--log-format <format>', "the log_format of nginx.conf, like '$remote_addr [$time_local] \"$request\" $status'")
    .option('--service <name>', 'the service that a log without one is of')
    .option('--elements <n>', 'elements listed at most', wholeNumber('--elements', { from: 1, to: 10_000_000 }))
    .option('--prometheus <url>', 'take the use of resources from this Prometheus server')
    .option('--query <metric=promql>', 'what to ask it for, like cpu=avg(rate(process_cpu_seconds_total[5m])) by (instance) (repeatable)', collect)
    .option('--seed <hex>', '32 hexadecimal digits: the same inputs and seed give the same bytes', seedOf);
}

/** The request that flags and configuration make. */
export function forecastRequest(given: { readonly inputs: readonly string[]; readonly flags: InputFlags; readonly config: ForeshardConfig; readonly folder: string; readonly status: StatusLine }): ForecastRequest {
  const { inputs, flags, config, folder, status } = given;
  const prometheus = prometheusOf(flags, config);
  return {
    config, folder, inputs,
    ...flags.horizon === undefined ? {} : { horizonMs: flags.horizon }, ...flags.bucket === undefined ? {} : { bucketMs: flags.bucket }, ...flags.format === undefined ? {} : { format: flags.format },
    ...flags.logFormat === undefined ? {} : { logFormat: flags.logFormat }, ...flags.service === undefined ? {} : { service: flags.service }, ...flags.elements === undefined ? {} : { elements: flags.elements },
    ...flags.seed === undefined ? {} : { seed: flags.seed }, ...prometheus === undefined ? {} : { prometheus },
    onProgress: (stage, share) => status.update(share === null ? stage : `${stage}: ${Math.round(100 * share)} %`),
  };
}

function prometheusOf(flags: InputFlags, config: ForeshardConfig): ForecastRequest['prometheus'] {
  const url = flags.prometheus ?? config.predict?.prometheus?.url;
  if (url === undefined) {
    if (flags.query !== undefined) throw new ForeshardError('usage', '--query needs --prometheus <url>');
    return undefined;
  }
  const fromFlags = (flags.query ?? []).map((query) => {
    const at = query.indexOf('=');
    if (at <= 0) throw new ForeshardError('usage', `--query ${query} is not metric=promql`, { hint: "for example --query 'cpu=avg(rate(process_cpu_seconds_total[5m])) by (instance)'" });
    return [query.slice(0, at), query.slice(at + 1)] as const;
  });
  const queries = { ...config.predict?.prometheus?.queries, ...Object.fromEntries(fromFlags) };
  if (Object.keys(queries).length === 0) throw new ForeshardError('usage', 'Prometheus needs something to be asked for', { hint: "for example --query 'memory=process_resident_memory_bytes / 1e9'" });
  return { url, queries };
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** A commander parser for times such as `500ms`, `10s`, `5m`, `1.5h`, `7d`; gives ms. */
export function timeOf(flag: string): (text: string) => number {
  return (text) => {
    const found = /^(\d+(?:\.\d+)?)(ms|s|min|m|h|d|w)$/.exec(text);
    const ms = found === null ? 0 : Number(found[1]) * (units[found[2] as string] as number);
    if (ms < 1) throw new ForeshardError('usage', `${flag} ${text} is not a time`, { hint: 'write 500ms, 10s, 5m, 24h or 7d' });
    return Math.round(ms);
  };
}

function seedOf(text: string): string {
  if (!/^[0-9a-fA-F]{1,32}$/.test(text)) throw new ForeshardError('usage', `--seed ${text} is not hexadecimal`, { hint: 'up to 32 digits' });
  return text.toLowerCase().padStart(32, '0');
}

/** Listens for OTLP until the signal, and gives what came as a stream, with what could not be read. */
export async function receiverOf(port: number, signal: AbortSignal): Promise<NonNullable<ForecastRequest['live']>> {
  const { OtlpReceiver } = await import('../importers/otlp-receiver.ts');
  const { ImportProblems } = await import('../importers/problems.ts');
  const problems = new ImportProblems();
  const receiver = new OtlpReceiver({ problems });
  const address = await receiver.listen(port);
  process.stderr.write(`${pc.bold('listening')} for OTLP/HTTP on ${pc.cyan(`http://${address.host}:${address.port}`)}; Ctrl-C ends and forecasts\n`);
  signal.addEventListener('abort', () => void receiver.close(), { once: true });
  return { items: receiver, problems };
}
