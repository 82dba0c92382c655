import type { TrafficItem } from '../../model/traffic.ts';
import type { ImportContext } from '../importer.ts';
import { Telemetry } from '../telemetry.ts';
import { decodeResource, signalOf, type OtlpSignal } from './otlp-messages.ts';
import { ProtobufElements } from './protobuf-elements.ts';

/**
 * OTLP as protobuf: an export request of traces or metrics, or several, each after its length, as the Collector's file exporter writes them. Which of both a
 * message holds is seen in it.
 */
export async function* importOtlpProto(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly TrafficItem[]> {
  const telemetry = new Telemetry(context);
  const elements = new ProtobufElements(context.input);
  const itemsOf = (found: ReturnType<ProtobufElements['push']>): TrafficItem[] => found.flatMap((finding) => {
    if (!('reason' in finding)) return elementItems(finding, telemetry, context);
    context.problems.addBad({ number: 1, reason: finding.reason, text: finding.text });
    return [];
  });
  for await (const chunk of chunks) yield itemsOf(elements.push(chunk));
  yield itemsOf(elements.end());
  yield* telemetry.finish();
}

function elementItems({ bytes, number }: { readonly bytes: Buffer; readonly number: number }, telemetry: Telemetry, context: ImportContext): TrafficItem[] {
  const decoded = decode(bytes);
  if (decoded === undefined) {
    context.problems.addBad({ number, reason: 'no message of OTLP', text: bytes.toString('latin1', 0, 200) });
    return [];
  }
  const { message, signal } = decoded;
  if (signal === undefined) return [];
  return signal === 'traces' ? telemetry.addResourceSpans(message, number) : telemetry.addResourceMetrics(message, number);
}

/** Undefined where the bytes are no message; protobufjs throws errors of several kinds then. */
function decode(bytes: Buffer): { readonly signal: OtlpSignal | undefined; readonly message: unknown } | undefined {
  try {
    const signal = signalOf(bytes);
    return { signal, message: signal === undefined ? undefined : decodeResource(bytes, signal) };
  } catch {
    return undefined;
  }
}
