import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentHash } from '../lib/content-hash.ts';
import { sampleManifest } from '../testing/recording-samples.ts';
import { openRecording } from './open-recording.ts';
import { RecordingWriter } from './recording-writer.ts';

/** Records without end, one payload a request, and says when some of it is on disk. */
const program = `
  import { createJiti } from 'jiti';
  const jiti = createJiti(process.cwd() + '/');
  const { RecordingWriter } = await jiti.import('./src/recordings/recording-writer.ts');
  const { sampleManifest, sampleRequest } = await jiti.import('./src/testing/recording-samples.ts');
  const writer = await RecordingWriter.create(process.argv[1], sampleManifest, { packBytes: 1000000, segmentBytes: 300000 });
  for (let number = 1; ; number++) {
    const body = writer.payload(Buffer.from('body ' + number + ' ' + 'x'.repeat(number % 3000)));
    writer.append(sampleRequest(number, { request: { method: 'POST', target: '/', headers: [], body } }));
    if (number === 3000) console.log('going');
    if (number % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    await writer.backpressure;
  }
`;

test('a recorder killed while it writes leaves a readable recording that says it did not end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'foreshard-killed-'));
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => setTimeout(resolve, 300));
      child.once('exit', (code) => reject(new Error(`the writer ended by itself with ${code}`)));
    });
    child.removeAllListeners('exit');
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;

    const recording = await openRecording(folder);
    expect(recording.ended).toBe(false);
    expect(recording.requests.length).toBeGreaterThan(1000);
    expect(recording.requests.map((request) => request.position)).toEqual(recording.requests.map((_, index) => (index + 1) * 10));
    const hashes = recording.requests.map((request) => request.request.body?.hash ?? '');
    const payloads = await recording.payloads(hashes);
    expect(hashes.every((hash) => contentHash(payloads.get(hash) ?? Buffer.alloc(0)) === hash)).toBe(true);
    await recording.close();

    // Its lock is stale: the folder can be recorded into again.
    expect(await readdir(folder)).toContain('lock');
    const writer = await RecordingWriter.create(folder, sampleManifest, { overwrite: true });
    await writer.close({ kind: 'end', position: 0, requests: 0, at: 0 });
    expect((await openRecording(folder)).ended).toBe(true);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});
