// Makes src/importers/otlp/descriptor.ts out of the .proto files beside this script: node scripts/build-otlp-descriptor.mjs. A test checks that it is up to date.
import { writeFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const folder = fileURLToPath(new URL('./opentelemetry-proto/', import.meta.url));
const target = new URL('../src/importers/otlp/descriptor.ts', import.meta.url);

/** What decoding does not need: names of packages in other languages, services of gRPC. */
function withoutExtras(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const isFile = 'java_package' in (value.options ?? {});
  const kept = Object.entries(value).filter(([name, inner]) => !(name === 'options' && isFile) && !(typeof inner === 'object' && inner !== null && 'methods' in inner) && name !== 'reserved' && name !== 'protoName');
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutExtras(inner)]));
}

/** The text of descriptor.ts as the .proto files say today. */
export async function descriptorFile() {
  const root = new protobuf.Root();
  root.resolvePath = (_, file) => folder + file;
  // one file after the other: in parallel their order, and so the text, would be another every time
  root.loadSync(['trace/v1/trace_service.proto', 'metrics/v1/metrics_service.proto'].map((file) => `opentelemetry/proto/collector/${file}`));
  const json = JSON.stringify(withoutExtras(root.toJSON()));
  return `/* Made from scripts/opentelemetry-proto by scripts/build-otlp-descriptor.mjs. Do not edit. Copyright The OpenTelemetry Authors, Apache-2.0. */
import type { INamespace } from 'protobufjs/light.js';

/** Traces and metrics of the OpenTelemetry protocol, as protobufjs reads a descriptor. */
export const otlpDescriptor: INamespace = ${json.replace(/,(?="[A-Za-z]+":\{"(?:fields|values|oneofs)")/g, ',\n  ')};
`;
}

if (argv[1] === fileURLToPath(import.meta.url)) await writeFile(target, await descriptorFile());
