import type { Command } from 'commander';
import pc from 'picocolors';
import { printable } from '../lib/bytes.ts';
import { duration } from '../lib/duration.ts';
import { ForeshardError } from '../model/errors.ts';
import type { Heatmap, HeatmapElement } from '../model/heatmap.ts';
import { elementHome, type ElementHome } from '../shard/element-home.ts';
import { readHeatmap } from './heatmap.ts';
import { readShardMap } from './plan.ts';
import type { Exit } from './terminal.ts';

/** `foreshard explain`: an element's forecast in a sentence with numbers. */
export function addExplain(program: Command, exit: Exit): void {
  program.command('explain')
    .description('why an element is as hot as the heatmap says')
    .argument('<key>', 'a state key such as redis:0/cart:7, or a part of it')
    .argument('<heatmap>', 'the file that predict has written')
    .option('--map <file>', 'the shard map that plan has written: where the element lives, and why')
    .option('--json', 'the element as JSON')
    .action(async (key: string, file: string, flags: { map?: string; json?: boolean }) => {
      const heatmap = await readHeatmap(file);
      const element = find(heatmap, key);
      const map = flags.map === undefined ? undefined : await readShardMap(flags.map);
      const home = map === undefined ? undefined : elementHome(map, heatmap, element);
      if (flags.json === true) process.stdout.write(`${JSON.stringify(home === undefined ? element : { ...element, home }, null, 2)}\n`);
      else process.stdout.write(`${[explain(heatmap, element), ...home === undefined ? [] : [livesAt(home)]].join('\n')}\n`);
      exit.code = 0;
    });
}

function find(heatmap: Heatmap, key: string): HeatmapElement {
  const named = (element: HeatmapElement): boolean => element.key === key || printable(element.key) === key;
  const found = heatmap.elements.find(named) ?? heatmap.elements.find((element) => printable(element.key).includes(key));
  if (found === undefined) {
    const more = heatmap.rest !== undefined && heatmap.rest.elements > 0 ? `; ${heatmap.rest.elements} colder elements are not listed` : '';
    throw new ForeshardError('request_not_found', `no element of the heatmap is called ${key}${more}`, { hint: 'foreshard heatmap shows the hottest; predict --elements lists more' });
  }
  return found;
}

/** The sentences about one element. */
export function explain(heatmap: Heatmap, element: HeatmapElement): string {
  const { expected, pRead, pWrite, why } = element;
  const rank = heatmap.elements.indexOf(element) + 1;
  const peak = expected.indexOf(Math.max(...expected));
  const total = expected.reduce((sum, value) => sum + value, 0);
  const lines = [
    `${pc.bold(printable(element.key))} is number ${rank} of ${heatmap.elements.length} by heat: ${amount(total)} accesses expected in ${duration(heatmap.buckets * heatmap.bucketMs)},`,
    `  most of them at ${time(heatmap.startMs + peak * heatmap.bucketMs)}: ${amount(expected[peak] as number)} in ${duration(heatmap.bucketMs)} (80 %: ${amount(element.low[peak] as number)} to ${amount(element.high[peak] as number)}), read with ${percent(pRead[peak] as number)}, written with ${percent(pWrite[peak] as number)}.`,
    `  In the next ${duration(heatmap.bucketMs)} it is read with ${percent(pRead[0] as number)} and written with ${percent(pWrite[0] as number)}.`,
  ];
  if (why === undefined) lines.push('  The plan says so: nothing is estimated.');
  else {
    lines.push(`  It has been accessed ${amount(why.total)} times, of late ${amount(why.rate)} times in ${duration(heatmap.bucketMs)}, the last time at ${time(why.lastAt)}.`);
    if (why.routes.length > 0) lines.push(`  Elements like it are reached by ${why.routes.map(({ route, share }) => `${route} (${percent(share)})`).join(', ')}.`);
    for (const { route } of why.routes.slice(0, 1)) lines.push(...seriesSentence(heatmap, route));
  }
  const [model] = (heatmap.models ?? []).filter(({ access }) => access === 'read');
  const score = model?.scores.find(({ method }) => method === model.method);
  if (model !== undefined && score !== undefined) lines.push(pc.dim(`  P(read) by ${model.method}: Brier skill ${score.brierSkill}, calibration error ${score.ece} on windows held back.`));
  return lines.join('\n');
}

/** The sentence about where an element lives: `read by 41 % of all requests, most at 09:00, so 3 replicas: a, c, d (epoch 12)`. */
export function livesAt(home: ElementHome): string {
  const { members, epoch, reason, slot } = home;
  const read = home.isShareOfRequests ? `It is read by ${percent(home.share)} of all requests, most at ${clock(home.peakMs)}` : `It gets ${percent(home.share)} of all accesses at ${clock(home.peakMs)}`;
  const where = `${members.length} ${members.length === 1 ? 'replica' : 'replicas'}: ${members.join(', ')} (epoch ${epoch}, slot ${slot})`;
  const because = {
    slot: members.length === 1 ? 'where its slot is' : 'the owners of its slot, since no copy of it carries too much',
    hot: `${members.length - home.slotOwners.length} more than its slot has, so that no copy carries too much`,
    near: `${members.length - home.slotOwners.length} more than its slot has, where the requests are that read it with others`,
    everywhere: 'all state nodes, being read with everything or hotter than a few can carry',
  }[reason];
  const why = home.together === undefined ? '' : `\n  It lies with what is read with it: of the requests that read it ${percent(home.together)} can be answered by one state node.`;
  return `  ${read}, so ${where}, ${because}.${why}`;
}

function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 16);
}

function seriesSentence(heatmap: Heatmap, route: string): string[] {
  const series = heatmap.series?.find(({ name }) => name === route);
  if (series === undefined) return [];
  const sum = series.median.reduce((total, value) => total + value, 0);
  return [`  ${route}: ${amount(sum)} requests expected, by ${series.model} (${series.why}).`];
}

function amount(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
