/** A RESP client as thin as one can be: what is measured is the server, not the client. Replies are counted and thrown away. */
import { connect } from 'node:net';
import { ReplyFramer } from '../../dist/gateways/redis/resp-parser.js';

/** The bytes of a command. */
export function command(...args) {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg, 'latin1')}\r\n${arg}\r\n`).join('')}`;
}

/** Connects to a port or a Unix socket. */
export async function connectRaw(address) {
  const socket = connect(typeof address === 'string' ? { path: address } : { host: '127.0.0.1', port: address, noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  let left = 0;
  let done = () => {};
  const framer = new ReplyFramer(() => --left === 0 && done());
  socket.on('data', (chunk) => framer.push(chunk));
  return {
    /** Sends encoded commands and resolves when all are answered. */
    send: (text, replies = 1) => new Promise((resolve) => {
      left = replies;
      done = resolve;
      socket.write(text, 'latin1');
    }),
    close: () => socket.destroy(),
  };
}
