// npm run demo: records the example shop, replays a harmless and a broken candidate, and shows what is found. Needs no Redis.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, installDependencies, root } from './setup.mjs';

installDependencies();
build();
const { changes } = await import('../examples/cart/changes.js');
const { startCatalogue } = await import('../examples/cart/catalogue.js');

const cart = join(root, 'examples/cart');
const folder = join(root, '.foreshard/demo');
// Not spawnSync: the catalogue lives in this process and has to answer meanwhile.
const foreshard = (...args) => new Promise((done) => spawn(process.execPath, [join(root, 'bin/foreshard.js'), ...args], { cwd: root, stdio: 'inherit' }).once('exit', done));
const catalogue = await startCatalogue();
const catalogueUrl = `http://127.0.0.1:${catalogue.address().port}`;
process.env.CATALOGUE_URL = catalogueUrl;

/** The shop's source with some of the listed changes, beside the original so that its imports are found. */
function candidate(name, ...applied) {
  let source = readFileSync(join(cart, 'server.js'), 'utf8');
  for (const change of applied) {
    const { find, replace } = changes.find((one) => one.name === change);
    source = source.replace(find, () => replace);
  }
  const file = join(cart, `.candidate-${name}.js`);
  writeFileSync(file, source);
  return file;
}

function step(title) {
  console.log(`\n\u001B[1m── ${title}\u001B[0m`);
}

const files = [candidate('good', 'pipelined', 'extra-read', 'setex-for-set-ex'), candidate('broken', 'wrong-cart-expiry', 'dropped-active-removal', 'free-shipping-limit')];
let failed = false;
try {
  step('record: 60 customers visit the shop (Redis embedded, products and payments from another service)');
  const recorded = await foreshard('record', '-r', folder, '--overwrite', '--redis', 'embedded', '--http', `catalogue=${catalogueUrl}`, '--listen', '0',
    '--drive', `node ${join(cart, 'traffic.js')} {url}`, '--', 'node', join(cart, 'server.js'));
  failed ||= recorded !== 0;
  step('replay a harmless candidate: commands pipelined, one more read, SETEX for SET EX');
  failed ||= (await foreshard('replay', '-r', folder, '--candidate', `node ${files[0]}`)) !== 0;
  step('replay a broken candidate: a wrong expiry and a dropped write (their answers are the same), and a wrong price');
  failed ||= (await foreshard('replay', '-r', folder, '--candidate', `node ${files[1]}`)) !== 1;
  console.log(failed ? '\nthe demo did not go as it should' : '\nThe harmless candidate passed and the broken one was found. Open the HTML report named above.');
} finally {
  for (const file of files) rmSync(file, { force: true });
  catalogue.close();
}
process.exit(failed ? 3 : 0);
