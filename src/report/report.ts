export { buildReport, createJudge, type JudgeInput, type ReportInput } from './build-report.ts';
export { confirmReport, isInOrder, type Confirmation } from './confirm.ts';
export { compareOutcomes, type ComparisonContext } from './compare.ts';
export { differenceLines, caseLines, kindWords, terminalReport, verdictWords, type TerminalOptions } from './terminal.ts';
export { jsonReport, parseReport } from './json.ts';
export { junitReport } from './junit.ts';
