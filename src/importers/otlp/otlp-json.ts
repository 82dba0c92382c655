import type { TrafficItem } from '../../model/traffic.ts';
import type { ImportContext } from '../importer.ts';
import { jsonRecords } from '../json-records.ts';
import { Telemetry } from '../telemetry.ts';

/**
 * OTLP as JSON: export requests of traces and metrics, one document or one a line as the Collector's file exporter writes them, and Tempo's
 * `{"batches": […]}`. Items come in order of time, as far as the spans are no more than a minute out of it.
 */
export async function* importOtlpJson(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly TrafficItem[]> {
  const telemetry = new Telemetry(context);
  for await (const records of jsonRecords(chunks, context)) {
    for (const { list, number, value } of records) {
      if (list === 'resourceSpans' || list === 'batches') yield telemetry.addResourceSpans(value, number);
      else if (list === 'resourceMetrics') yield telemetry.addResourceMetrics(value, number);
      else if (list === 'resourceLogs') context.problems.note('records left out', 'logs');
      else context.problems.addBad({ number, reason: 'no export request of OTLP', text: `{"${list}": [${JSON.stringify(value)?.slice(0, 200) ?? ''}` });
    }
  }
  yield* telemetry.finish();
}
