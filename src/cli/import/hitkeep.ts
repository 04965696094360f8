/** sluice import hitkeep: takes over users, teams, sites and API clients; their tokens go on working. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { applyPlan, countRows, readExisting } from '../../admin/import/apply.ts';
import { kinds, planImport, type Plan } from '../../admin/import/plan.ts';
import { readExport, type Fault } from '../../admin/import/read.ts';
import { readConfig } from '../../config.ts';
import { changeAs } from '../admin/author.ts';
import { withDatabase } from '../database.ts';

interface ImportOptions {
  readonly file: string;
  readonly apply?: true;
  readonly skipRefused?: true;
  readonly json?: true;
}

/** Of each of the two lists, on paper; the JSON has all. */
const SHOWN_MAX = 50;

export function addImportCommands(program: Command): void {
  program
    .command('import')
    .description('take over from another system')
    .command('hitkeep')
    .description('import users, teams, sites and API clients of HitKeep; without --apply only a report')
    .requiredOption('--file <path>', 'JSON with an array per table, or CSV of API clients')
    .option('--apply', 'write it, all or nothing')
    .option('--skip-refused', 'write the rest although some rows are refused')
    .option('--json', 'print the report as JSON')
    .action((options: ImportOptions) => importFile(options));
}

async function importFile(options: ImportOptions): Promise<void> {
  const text = await readFile(options.file, 'utf8');
  const { rows, faults } = readExport(text, extname(options.file).toLowerCase() === '.csv' ? 'csv' : 'json');
  await withDatabase(readConfig(), async (sql) => {
    const report = await changeAs(sql, 'import hitkeep', async (change) => {
      const plan = planImport(rows, await readExisting(change.tx, rows));
      const refused = [...faults, ...plan.refused];
      const isApplied = options.apply === true && (refused.length === 0 || options.skipRefused === true);
      if (isApplied) await applyWithProgress(plan, (onProgress) => applyPlan(change, plan, onProgress));
      return describe(plan, refused, isApplied);
    });
    process.stdout.write(
      options.json === true ? `${JSON.stringify(report)}\n` : printReport(report, options),
    );
    if (!report.is_applied && report.refused.length > 0) process.exitCode = 1;
  });
}

/** A bar on standard error, where it is a terminal. */
async function applyWithProgress(
  plan: Plan,
  apply: (onProgress: (rowsDone: number) => void) => Promise<void>,
): Promise<void> {
  const bar = new SingleBar({ format: '{bar} {value} of {total} rows, {eta} s left', noTTYOutput: false });
  bar.start(countRows(plan), 0);
  try {
    await apply((rowsDone) => bar.update(rowsDone));
  } finally {
    bar.stop();
  }
}

interface Report {
  readonly is_applied: boolean;
  readonly rows: Readonly<Record<string, { readonly new: number; readonly there: number }>>;
  readonly refused: readonly Fault[];
  readonly remarks: readonly Fault[];
}

function describe(plan: Plan, refused: readonly Fault[], isApplied: boolean): Report {
  const rows = kinds.map((kind) => [kind, { new: plan[kind].length, there: plan.same[kind] }] as const);
  return { is_applied: isApplied, rows: Object.fromEntries(rows), refused, remarks: plan.remarks };
}

function printReport(report: Report, options: ImportOptions): string {
  const lines = Object.entries(report.rows).map(
    ([kind, count]) =>
      `${kind.padEnd(14)} ${String(count.new).padStart(7)} new  ${count.there} there already`,
  );
  for (const [title, list] of [
    ['refused', report.refused],
    ['remarks', report.remarks],
  ] as const) {
    if (list.length === 0) continue;
    lines.push('', `${title}: ${list.length}`);
    lines.push(...list.slice(0, SHOWN_MAX).map(({ place, reason }) => `  ${place}: ${reason}`));
    if (list.length > SHOWN_MAX) lines.push(`  … and ${list.length - SHOWN_MAX} more: --json shows all`);
  }
  return `${lines.join('\n')}\n\n${adviseNext(report, options)}\n`;
}

function adviseNext(report: Report, options: ImportOptions): string {
  if (report.is_applied) return 'Written. Running gateways take these tokens from now on.';
  if (report.refused.length > 0)
    return 'Nothing is written. Mend what is refused, or add --apply --skip-refused to leave it out.';
  return options.apply === true ? 'Nothing is written.' : 'Nothing is written yet: add --apply.';
}
