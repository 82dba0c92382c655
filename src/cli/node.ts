import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { parseByteSize } from '../lib/byte-size.ts';
import { ForeshardError } from '../model/errors.ts';
import { interruptible, portNumber, sizeText, type Exit } from './terminal.ts';

interface NodeFlags {
  readonly port: number;
  readonly host: string;
  readonly httpPort?: number;
  readonly maxMemory: number;
  readonly id?: string;
  readonly zone?: string;
}

/** `foreshard node`: a state node as a process of its own. */
export function addNode(program: Command, exit: Exit): void {
  program.command('node')
    .description('a state node in this process: for foreshard://host:port, redis-cli, and HTTP; what it holds is in memory alone')
    .requiredOption('--port <port>', 'where it speaks RESP; 0 takes a free one', portNumber('--port'))
    .option('--host <address>', 'the address it listens on', '127.0.0.1')
    .option('--http-port <port>', 'where it speaks HTTP; 0 takes a free one (default: not at all)', portNumber('--http-port'))
    .option('--max-memory <size>', 'bytes of payloads it may hold, for example 512mb or 4gb', memorySize, 1024 ** 3)
    .option('--id <name>', 'what maps, metrics and messages call it (default: its address)', nodeName('--id'))
    .option('--zone <name>', 'the failure domain it is in', nodeName('--zone'))
    .action(async (flags: NodeFlags) => {
      exit.code = await runNode(flags);
    });
}

async function runNode(flags: NodeFlags): Promise<number> {
  const { NodeServer } = await import('../state-nodes/node-server.ts');
  const { toolVersion } = await import('../foreshard.ts');
  const { host, port, httpPort, maxMemory, zone } = flags;
  const life = randomBytes(8).toString('hex');
  const id = flags.id ?? (port === 0 ? `node-${life.slice(0, 6)}` : textOf(flags));
  const server = new NodeServer({
    id, life, maxBytes: maxMemory, version: toolVersion.split(' ')[1] ?? '', ...zone === undefined ? {} : { zone },
    onInternalError: (error) => process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`),
  });
  const interrupt = interruptible();
  try {
    const { resp, http } = await server.listen({ host, port }, httpPort === undefined ? undefined : { host, port: httpPort });
    process.stderr.write(`state node ${id}: up to ${sizeText(maxMemory)}, in memory alone\n  foreshard://${textOf(resp)}  also redis-cli -h ${resp.host} -p ${resp.port}\n${http === undefined ? '' : `  http://${textOf(http)}  elements, /metrics, /openapi.json\n`}`);
    await new Promise<void>((done) => {
      if (interrupt.signal.aborted) done();
      interrupt.signal.addEventListener('abort', () => done());
    });
    return 0;
  } finally {
    await server.close();
    interrupt.release();
  }
}

function textOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function memorySize(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined || bytes < 1024 ** 2) throw new ForeshardError('usage', `--max-memory ${text} is no size of at least 1mb`, { hint: 'for example --max-memory 512mb' });
  return bytes;
}

function nodeName(flag: string): (text: string) => string {
  return (text) => {
    if (!/^[\w.:-]{1,64}$/.test(text)) throw new ForeshardError('usage', `${flag} ${JSON.stringify(text)} is no name`, { hint: 'letters, digits, and . : _ -, 64 at most' });
    return text;
  };
}
