/** The recording Redis gateway in a process of its own, writing a recording, with a plain byte pipe beside it for comparison. */
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { RedisRecordingGateway } from '../../dist/gateways/redis/recording-gateway.js';
import { OpenRequest } from '../../dist/record/request-log.js';
import { RecordSink } from '../../dist/record/record-sink.js';
import { RecordingWriter } from '../../dist/recordings/recording-writer.js';

const { folder, upstreamPort } = JSON.parse(process.env.BENCH_GATEWAY);
const upstream = { host: '127.0.0.1', port: upstreamPort };
const spec = { name: 'redis', upstream: `redis://127.0.0.1:${upstreamPort}`, address: `127.0.0.1:${upstreamPort}` };
const service = { command: ['none'], env: {}, readyTimeoutMs: 1000 };
const output = await RecordingWriter.create(folder, { createdAt: Date.now(), tool: 'bench', service, redis: [spec], http: [], servers: {}, preload: false });
const sink = new RecordSink(output);
sink.open(new OpenRequest({ index: 1, position: sink.advance(), at: Date.now(), lane: 'lane-1', attribution: 'lane' }));
const gateway = new RedisRecordingGateway({ server: 'redis', upstream, sink, snapshot: 'auto' });
await gateway.start();
const { port } = await gateway.listen('lane-1', { host: '127.0.0.1', port: 0 });
// As services on this machine come: by a Unix socket.
const path = join(folder, 'door');
const door = createServer((client) => gateway.accept('lane-1', client));
await new Promise((done) => door.listen(path, done));

const pipe = createServer({ noDelay: true }, (client) => {
  const server = connect({ ...upstream, noDelay: true });
  client.on('data', (chunk) => server.write(chunk)).on('close', () => server.destroy()).on('error', () => {});
  server.on('data', (chunk) => client.write(chunk)).on('close', () => client.destroy()).on('error', () => {});
});
pipe.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ port, path, pipePort: pipe.address().port })}\n`));
