/** sluice query: shows rows where there is no psql at hand. Read-only. */
import { InvalidArgumentError, type Command } from 'commander';
import { readConfig } from '../config.ts';
import { withDatabase } from './database.ts';

export function addQueryCommand(program: Command): void {
  program
    .command('query')
    .description('run one SQL query, read-only, and print its rows')
    .argument('<sql>', 'such as "SELECT * FROM hits ORDER BY timestamp DESC LIMIT 5"', parseSql)
    .option('--json', 'print one JSON object a line instead of a table')
    .action((text: string, options: { json?: true }) =>
      withDatabase(readConfig(), async (sql) => {
        const rows = await sql.begin('read only', (tx) => tx.unsafe(text));
        if (options.json === true) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
        else if (rows.length > 0) console.table(rows.map(shortenRow));
        if (options.json !== true) process.stdout.write(`${rows.length} row(s)\n`);
      }),
    );
}

function parseSql(text: string): string {
  if (!/[^\s;]/.test(text)) throw new InvalidArgumentError('It is empty.');
  return text;
}

/** Drops the empty columns of a row, so that a table fits a terminal. */
function shortenRow(row: object): object {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => value !== null)
      .map(([name, value]: [string, unknown]) => [name, printValue(value)]),
  );
}

function printValue(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : value;
}
