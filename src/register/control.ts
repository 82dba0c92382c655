/** The preload's line to the tool: one socket, newline-delimited JSON, and never a burden for the service. */
import { existsSync } from 'node:fs';
import net from 'node:net';
import { version } from 'node:process';
import type { PreloadMessage, PreloadSettings } from '../model/preload-protocol.ts';

/** A message without what is the same in all of them. */
export type Report = PreloadMessage extends infer M ? (M extends PreloadMessage ? Omit<M, 'instance' | 'pid'> : never) : never;

/** Sends reports. It buffers until it is connected, writes once a tick, keeps no process alive, and is silent when the tool is gone. */
export interface ControlLink {
  send(report: Report): void;
}

const maxBuffered = 10_000;

/** Connects to the tool and says hello. Call it before sockets are patched, or the connection would be looked at as the service's. */
export function connectControl(settings: PreloadSettings, problems: readonly string[]): ControlLink & { hello(): void } {
  let buffer: string[] = [];
  let connected = false;
  let gone = false;
  let scheduled = false;
  const head = `{"instance":${JSON.stringify(settings.instance)},"pid":${process.pid},`;
  const flush = (): void => {
    scheduled = false;
    if (!connected || gone || buffer.length === 0) return;
    socket.write(buffer.join(''));
    buffer = [];
  };
  const send = (report: Report): void => {
    if (gone || buffer.length >= maxBuffered) return;
    buffer.push(`${head}${JSON.stringify(report).slice(1)}\n`);
    if (scheduled || !connected) return;
    scheduled = true;
    process.nextTick(flush);
  };
  const lost = (): void => {
    gone = true;
    buffer = [];
  };
  const hello = (): void => send({ type: 'hello', node: version, ...(problems.length > 0 ? { problems: [...problems] } : {}) });
  const { host, port, path } = settings.control;
  const socket = net.connect(path !== undefined && existsSync(path) ? { path } : { host, port, noDelay: true });
  socket.on('connect', () => {
    connected = true;
    flush();
  });
  socket.on('error', lost).on('close', lost).on('data', () => {});
  socket.unref();
  return { send, hello };
}
