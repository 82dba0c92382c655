import type { RequestId, RequestRecord } from '../model/recording.ts';
import type { CaseReport, Report } from '../model/report.ts';
import type { CaseOutcome, Run } from '../model/run.ts';

/*
 * Cases have their state for themselves, but not what the service keeps in its process: caches, pools, queues. What a case does there may depend on which cases came
 * before it or run beside it, and a difference that comes from that is no regression. So where a verdict could rest on it, the candidate is run again as the
 * first control run was: one case at a time, in the recorded order. Both processes have then been through the same, and what differs there differs.
 * What differs in every case of its route is taken as it is; of a cause with many cases the first few are looked at first.
 */

/** What {@link confirmReport} does its work with. */
export interface Confirmation {
  readonly report: Report;
  readonly run: Run;
  /** The run that the report compares with. */
  readonly control: Run;
  /** All recorded requests, in order. */
  readonly requests: readonly RequestRecord[];
  /** Runs the candidate on requests one at a time, in order. */
  readonly rerun: (requests: readonly RequestRecord[]) => Promise<Run>;
  /** Judges a run; cases in `inOrder` were run one at a time, as in the control run. */
  readonly judge: (run: Run, inOrder: ReadonlySet<RequestId>) => Promise<Report>;
}

/** Cases looked at first of each cause; the others where none of them still differs. */
const samples = 3;

/** Whether a run had one case at a time, in the recorded order. */
export function isInOrder(run: Run): boolean {
  return run.lanes === 1 && run.concurrency === 1 && run.order !== 'shuffled';
}

/** The report with verdicts that do not rest on how cases were mixed, and the run it was made from. Runs nothing where none could. */
export async function confirmReport(confirmation: Confirmation): Promise<{ readonly report: Report; readonly run: Run }> {
  const { control, requests, judge } = confirmation;
  let { report, run } = confirmation;
  if (!isInOrder(control) || isInOrder(run)) return { report, run };
  const settled = new Set<RequestId>();
  for (const most of [samples, Number.POSITIVE_INFINITY]) {
    const doubtful = doubtfulCases(report, settled, most);
    if (doubtful.size === 0) break;
    const last = requests.findLastIndex(({ id }) => doubtful.has(id));
    const again = await confirmation.rerun(requests.slice(0, last + 1));
    const replaced = new Map(again.outcomes.filter(({ id, status }) => doubtful.has(id) && status === 'completed').map((outcome) => [outcome.id, outcome]));
    for (const id of replaced.keys()) settled.add(id);
    run = withOutcomes(run, replaced);
    report = await judge(run, settled);
  }
  const vanished = vanishedCases(confirmation.report, report, settled);
  if (vanished.length === 0) return { report, run };
  run = withOrderDependent(run, vanished, unstableRoutes(confirmation.report));
  return { report: await judge(run, settled), run };
}

/** Cases that differ although others of their route do not, and those whose control runs differ from each other; at most so many of a cause that none in `settled` has shown yet. */
function doubtfulCases({ cases, groups }: Report, settled: ReadonlySet<RequestId>, most: number): Set<RequestId> {
  const doubtful = new Set<RequestId>();
  const onRoute = new Map<string, number>();
  for (const one of cases) if (one.verdict !== 'not_run' && one.verdict !== 'error') onRoute.set(routeOf(one), (onRoute.get(routeOf(one)) ?? 0) + 1);
  const byId = new Map(cases.map((one) => [one.id, one]));
  for (const group of groups) {
    const routes = new Set(group.cases.map((id) => routeOf(byId.get(id))));
    const comparable = [...routes].reduce((sum, route) => sum + (onRoute.get(route) ?? 0), 0);
    const isShown = group.cases.some((id) => settled.has(id)) || (group.cases.length === comparable && comparable > 2);
    if (!isShown) for (const id of group.cases.slice(0, most)) doubtful.add(id);
  }
  for (const one of cases) if (isUnstable(one) && !settled.has(one.id)) doubtful.add(one.id);
  return doubtful;
}

/** Whether all that stands against a verdict is that the control runs differ. */
function isUnstable({ verdict, problems }: CaseReport): boolean {
  return verdict === 'inconclusive' && problems.length > 0 && problems.every(({ code }) => code === 'baseline_unstable');
}

function routeOf(one: CaseReport | undefined): string {
  return one?.route ?? one?.method ?? '';
}

/** Cases that differed, and do not when they run in order. */
function vanishedCases(before: Report, after: Report, settled: ReadonlySet<RequestId>): readonly CaseReport[] {
  const verdicts = new Map(after.cases.map(({ id, verdict }) => [id, verdict]));
  return before.cases.filter(({ id, verdict }) => verdict === 'differs' && settled.has(id) && (verdicts.get(id) === 'same' || verdicts.get(id) === 'noise'));
}

/** Routes on which the baseline's own cases depend on their order. */
function unstableRoutes({ cases }: Report): ReadonlySet<string> {
  return new Set(cases.filter(isUnstable).map(routeOf));
}

/** Says which cases depend on their order. Where the baseline's do too, that is nothing new; elsewhere it is no verdict to rest on. */
function withOrderDependent(run: Run, vanished: readonly CaseReport[], unstable: ReadonlySet<string>): Run {
  const asBefore = vanished.filter((one) => unstable.has(routeOf(one)));
  const message = 'it differs when it runs among other cases, and not one at a time in the recorded order: unlike the baseline, it depends on what the process did before';
  const marked = new Map(vanished.filter((one) => !unstable.has(routeOf(one))).map(({ id }) => {
    const outcome = run.outcomes.find((one) => one.id === id) as CaseOutcome;
    return [id, { ...outcome, problems: [...outcome.problems, { code: 'order_dependent', message }] }];
  }));
  if (asBefore.length === 0) return withOutcomes(run, marked);
  const [number, verb] = asBefore.length === 1 ? ['1 case', 'depends'] : [`${asBefore.length} cases`, 'depend'];
  const note = `${number} of ${[...new Set(asBefore.map(routeOf))].join(', ')} ${verb} on what the process did before, in the baseline too: judged by a run of one case at a time, in the recorded order`;
  return { ...withOutcomes(run, marked), notes: [...run.notes, { code: 'order_dependent', message: note }] };
}

function withOutcomes(run: Run, outcomes: ReadonlyMap<RequestId, CaseOutcome>): Run {
  return { ...run, outcomes: run.outcomes.map((outcome) => outcomes.get(outcome.id) ?? outcome) };
}
