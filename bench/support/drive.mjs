/** Sends traffic to the bench service: node drive.mjs <url> <count>. */
import { ReplayClient } from '../../dist/gateways/http/replay-client.js';
import { get, sendAll } from './workload.mjs';

const [url, count] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const client = new ReplayClient({ host: hostname, port: Number(port) }, { connections: 32 });
await sendAll([client], Array.from({ length: Number(count) }, (_, n) => get(`/page/${n}`)), 32);
await client.close();
