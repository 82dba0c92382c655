import pc from 'picocolors';
import { verdicts, type CaseReport, type Difference, type DifferenceGroup, type DifferenceKind, type Report, type Verdict } from '../model/report.ts';
import type { CaseProblem } from '../model/run.ts';
import { shorten, visible } from './words.ts';

/** How much of a report is printed. */
export interface TerminalOptions {
  /** Causes shown; the rest is counted. 12 when left out. */
  readonly groups?: number;
  /** ANSI colours; left out: as the terminal has them. */
  readonly colors?: boolean;
}

type Colors = ReturnType<typeof pc.createColors>;

/** Verdicts and kinds of differences in words for people. */
export const verdictWords: Readonly<Record<Verdict, string>> = {
  same: 'same', noise: 'noise', differs: 'differ', inconclusive: 'inconclusive', error: 'error', not_run: 'not run',
};
export const kindWords: Readonly<Record<DifferenceKind, string>> = {
  response: 'response', write_missing: 'write missing', write_extra: 'extra write', write_changed: 'write changed', expiry: 'expiry',
  call_missing: 'call missing', call_extra: 'extra call', call_changed: 'call changed', order: 'order', latency: 'latency',
};

/** The report for people at a terminal: what differs by cause with an example each, then totals, what is asserted, and the gate. */
export function terminalReport(report: Report, options: TerminalOptions = {}): string {
  const colors = options.colors === undefined ? pc : pc.createColors(options.colors);
  const shown = options.groups ?? 12;
  const lines: string[] = [];
  report.groups.slice(0, shown).forEach((group, index) => lines.push(...groupLines(group, { report, before: report.groups[index - 1], colors }), ''));
  if (report.groups.length > shown) lines.push(colors.dim(`… and ${count(report.groups.length - shown, 'more cause')} (in the JSON and HTML reports)`), '');
  lines.push(...problemLines(report, colors));
  lines.push(totalsLine(report, colors), ...footLines(report, colors));
  return lines.join('\n');
}

function groupLines(group: DifferenceGroup, { report, before, colors }: { report: Report; before: DifferenceGroup | undefined; colors: Colors }): string[] {
  const first = group.cases[0] ?? '';
  const example = report.cases.find((entry) => entry.id === first);
  const isSame = before !== undefined && before.cases.length === group.cases.length && before.cases.every((id, index) => id === group.cases[index]);
  const head = `${colors.red('✗')} ${colors.bold(visible(group.route))}  ${colors.yellow(kindWords[group.kind])}  ${visible(group.path)}  ${colors.dim(`${isSame ? 'the same ' : ''}${count(group.cases.length, 'request')}`)}`;
  const where = `${first} ${example === undefined ? '' : `${example.method} ${shorten(visible(example.target), 100)}`}`.trimEnd();
  return [head, ...differenceLines(group.example, colors).map((line) => `    ${line}`), ...isSame ? [] : [`    ${colors.dim(`first in ${where}`)}`]];
}

/** A difference in a few lines: what, then the baseline's and the candidate's side. */
export function differenceLines(difference: Difference, colors: Colors = pc): string[] {
  const side = (value: string | undefined): string => (value === undefined ? `(${absentWords(difference)})` : shorten(visible(value), 160));
  return [
    visible(shorten(difference.message, 200)),
    ...difference.baseline === undefined && difference.candidate === undefined ? [] : [
      colors.dim('baseline   ') + colors.green(side(difference.baseline)),
      colors.dim('candidate  ') + colors.red(side(difference.candidate)),
    ],
  ];
}

/** What stands on the side that has nothing. */
function absentWords({ kind, path }: Difference): string {
  if (kind === 'call_missing' || kind === 'call_extra') return 'not called';
  if (kind !== 'write_missing' && kind !== 'write_extra') return 'not there';
  return path.startsWith('$.messages') ? 'not published' : 'not written';
}

/** All that is to say about one case, for a test runner's failure. */
export function caseLines(entry: CaseReport, colors: Colors = pc): string[] {
  return [
    `${entry.id} ${entry.method} ${visible(entry.target)}: ${verdictWords[entry.verdict]}`,
    ...entry.differences.flatMap((difference) => [`${kindWords[difference.kind]} ${visible(difference.at ?? difference.path)}`, ...differenceLines(difference, colors).map((line) => `  ${line}`)]),
    ...entry.problems.map((problem) => `${problem.code}: ${visible(problem.message)}`),
  ];
}

/** What made cases inconclusive, failing or not run, by reason. */
function problemLines(report: Report, colors: Colors): string[] {
  const reasons = new Map<string, { problem: CaseProblem; verdict: Verdict; cases: string[] }>();
  for (const entry of report.cases) {
    if (entry.verdict !== 'inconclusive' && entry.verdict !== 'error' && entry.verdict !== 'not_run') continue;
    for (const problem of entry.problems.slice(0, 1)) {
      const id = `${entry.verdict} ${problem.code}`;
      const reason = reasons.get(id);
      if (reason === undefined) reasons.set(id, { problem, verdict: entry.verdict, cases: [entry.id] });
      else reason.cases.push(entry.id);
    }
  }
  const lines = [...reasons.values()].sort((a, b) => b.cases.length - a.cases.length).map(({ problem, verdict, cases }) =>
    `${colors.yellow('?')} ${colors.bold(verdictWords[verdict])}  ${problem.code}  ${visible(shorten(problem.message, 140))}  ${colors.dim(`${count(cases.length, 'request')}, first ${cases[0] ?? ''}`)}`);
  return lines.length === 0 ? [] : [...lines, ''];
}

function totalsLine(report: Report, colors: Colors): string {
  const color: Record<Verdict, (text: string) => string> = {
    same: colors.green, noise: colors.green, differs: colors.red, inconclusive: colors.yellow, error: colors.red, not_run: colors.yellow,
  };
  const parts = verdicts.map((verdict) => {
    const text = `${report.totals[verdict].toLocaleString('en')} ${verdict === 'differs' && report.totals.differs === 1 ? 'differs' : verdictWords[verdict]}`;
    return report.totals[verdict] > 0 ? color[verdict](text) : colors.dim(text);
  });
  return `${colors.bold(`${count(report.requests, 'request')}:`)} ${parts.join(' · ')}`;
}

function footLines(report: Report, colors: Colors): string[] {
  const hid = report.noise.reduce((sum, rule) => sum + rule.hid, 0);
  const { reproduced, of, failures } = report.gate;
  const gate = `self-replay ${reproduced.toLocaleString('en')}/${of.toLocaleString('en')}`;
  const rules = report.noise.filter((rule) => rule.origin !== 'rename').length;
  const lines = [
    colors.dim(`${percent(report.assertedShare)} of values asserted · ${count(rules, 'noise rule')} hid ${count(hid, 'difference')} · ${count(report.stateFaults, 'state fault')} · ${(report.durationMs / 1000).toFixed(1)} s`),
    reproduced === of ? colors.dim(`${gate}: the baseline reproduces its recording`) : colors.yellow(`${gate}: the baseline does not reproduce ${count(failures.length, 'request')} of its own recording, so verdicts on them say less`),
  ];
  for (const failure of failures.slice(0, 3)) {
    const why = failure.differences[0]?.message ?? failure.problems[0]?.message ?? '';
    lines.push(colors.dim(`  ${failure.id} ${failure.method} ${shorten(visible(failure.target), 60)}: ${visible(shorten(why, 120))}`));
  }
  for (const note of report.notes.slice(0, 8)) lines.push(colors.dim(`note: ${visible(shorten(note, 200))}`));
  if (report.notes.length > 8) lines.push(colors.dim(`… and ${count(report.notes.length - 8, 'more note')}`));
  return lines;
}

/** A share as a percentage that is 100 % only when it is all. */
export function percent(share: number): string {
  if (share >= 1) return '100 %';
  const text = (share * 100).toFixed(1);
  return `${text === '100.0' ? '99.9' : text} %`;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}
