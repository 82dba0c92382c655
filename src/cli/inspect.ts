import type { Command } from 'commander';
import pc from 'picocolors';
import { settingsOf } from '../config/settings.ts';
import { printable } from '../lib/bytes.ts';
import { openRecording, type OpenedRecording } from '../recordings/open-recording.ts';
import { describeRequest, summarise, type DescribedElement, type DescribedMessage, type DescribedRevision, type ShownPayload } from '../recordings/summary.ts';
import { configFor, type Exit } from './terminal.ts';

/** `foreshard list`: what a recording holds. */
export function addList(program: Command, exit: Exit): void {
  program.command('list')
    .description('what the recording holds: routes, elements, losses; with --requests every request')
    .option('-r, --recording <folder>', 'the recording')
    .option('--requests', 'every request')
    .option('--json', 'as JSON')
    .action(async (_flags: unknown, self: Command) => {
      const flags = self.opts<{ recording?: string; requests?: boolean; json?: boolean }>();
      const opened = await open(self, flags.recording);
      if (flags.json === true) process.stdout.write(`${JSON.stringify({ ...summarise(opened), ...(flags.requests === true ? { list: opened.requests } : {}) }, null, 2)}\n`);
      else {
        printSummary(opened);
        if (flags.requests === true) printRequests(opened);
      }
      exit.code = 0;
    });
}

/** `foreshard inspect r000042`: one request with the state it met and left. */
export function addInspect(program: Command, exit: Exit): void {
  program.command('inspect')
    .description('one recorded request: bodies, the state it met and left, calls, problems')
    .argument('<request>', 'its id, for example r000042')
    .option('-r, --recording <folder>', 'the recording')
    .option('--json', 'as JSON')
    .action(async (id: string, _flags: unknown, self: Command) => {
      const flags = self.opts<{ recording?: string; json?: boolean }>();
      const opened = await open(self, flags.recording);
      const described = await describeRequest(opened, id);
      if (flags.json === true) process.stdout.write(`${JSON.stringify(described, null, 2)}\n`);
      else {
        const { request, response } = described;
        process.stdout.write(`${pc.bold(id)} ${request.method} ${request.target}  ${pc.dim(`${new Date(described.at).toISOString()}, ${described.durationMs.toFixed(1)} ms, ${described.lane}, by ${described.attribution}, ${described.commands} commands`)}\n`);
        printMessage('request', request);
        if (response !== null) printMessage(`response ${response.status}`, response);
        process.stdout.write(`${pc.bold('state')}\n`);
        for (const element of described.elements) printElement(element);
        for (const call of described.calls) process.stdout.write(`${pc.bold('call')} ${call.dependency} ${call.request.method} ${call.request.target} → ${call.response?.status ?? 'no answer'}\n`);
        for (const problem of described.problems) process.stdout.write(`${pc.yellow(problem.code)} ${problem.message}\n`);
      }
      exit.code = 0;
    });
}

async function open(self: Command, recording: string | undefined): Promise<OpenedRecording> {
  const { config, folder } = await configFor(self);
  return openRecording(settingsOf(config, folder, 'replay', recording === undefined ? {} : { recording }).recordingFolder);
}

function printSummary(opened: OpenedRecording): void {
  const summary = summarise(opened);
  process.stdout.write(`${pc.bold(opened.folder)}  ${summary.requests} requests, ${summary.elements} elements, ${summary.revisions} revisions, recorded ${new Date(summary.createdAt).toISOString()}\n`);
  if (!summary.ended) process.stdout.write(`${pc.yellow('not ended')}: the recorder was stopped in the middle; what is here is whole up to ${opened.requests.at(-1)?.id ?? 'the start'}\n`);
  const width = Math.max(5, ...summary.routes.map((route) => route.route.length));
  process.stdout.write(pc.dim(`${'route'.padEnd(width)}  requests  read  written  calls  median  statuses\n`));
  for (const route of summary.routes) {
    const statuses = Object.entries(route.statuses).map(([status, count]) => `${status}×${count}`).join(' ');
    process.stdout.write(`${route.route.padEnd(width)}  ${String(route.requests).padStart(8)}  ${String(route.elementsRead).padStart(4)}  ${String(route.elementsWritten).padStart(7)}  ${String(route.calls).padStart(5)}  ${`${route.medianMs.toFixed(1)} ms`.padStart(6)}  ${statuses}\n`);
  }
  for (const loss of summary.losses) process.stdout.write(`${pc.yellow('loss')} ${loss.message} (${loss.count})\n`);
  for (const [code, count] of Object.entries(summary.problems)) process.stdout.write(`${pc.yellow('problem')} ${code} in ${count} requests\n`);
}

function printRequests(opened: OpenedRecording): void {
  for (const { id, request, response, touches, calls } of opened.requests) {
    const written = touches.filter((touch) => touch.written).length;
    process.stdout.write(`${id}  ${String(response?.status ?? '-').padStart(3)}  ${request.method} ${request.target}  ${pc.dim(`${touches.length} elements, ${written} written, ${calls.length} calls`)}\n`);
  }
}

function printMessage(title: string, message: DescribedMessage): void {
  process.stdout.write(`${pc.bold(title)}\n`);
  for (const [name, value] of message.headers) process.stdout.write(pc.dim(`  ${name}: ${value}\n`));
  if (message.body !== null) process.stdout.write(`  ${payloadText(message.body)}\n`);
}

function printElement(element: DescribedElement): void {
  const access = [element.read ? 'read' : '', element.written ? 'written' : ''].filter(Boolean).join(', ');
  process.stdout.write(`  ${pc.cyan(printable(element.key))} ${pc.dim(access)}\n    met  ${revisionText(element.before)}\n`);
  if (element.written) process.stdout.write(`    left ${revisionText(element.after)}\n`);
}

function revisionText(revision: DescribedRevision | null): string {
  if (revision === null) return pc.dim('not known');
  const expiry = revision.expiresAtMs === null ? '' : pc.dim(` expires ${new Date(revision.expiresAtMs).toISOString()}`);
  return `${revision.payload === null ? pc.dim('absent') : payloadText(revision.payload)} ${pc.dim(`revision ${revision.revision}`)}${expiry}`;
}

function payloadText(payload: ShownPayload): string {
  switch (payload.kind) {
    case 'text': return shorten(payload.text);
    case 'element': return shorten(`${payload.value.type} ${printable(JSON.stringify(Object.values(payload.value).slice(1)))}`);
    case 'unreadable': return pc.red(payload.reason);
  }
}

function shorten(text: string): string {
  return text.length > 400 ? `${text.slice(0, 400)}… (${text.length} characters)` : text;
}
