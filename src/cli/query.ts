/** sluice query: shows rows where there is no psql at hand. Read-only. */
import { InvalidArgumentError, type Command } from 'commander';
import { readConfig } from '../config.ts';
import type { Transaction } from '../store/connect.ts';
import { withDatabase } from './database.ts';

export function addQueryCommand(program: Command): void {
  program
    .command('query')
    .description('run one SQL query, read-only, and print its rows')
    .argument('<sql>', 'such as "SELECT * FROM hits ORDER BY timestamp DESC LIMIT 5"', parseSql)
    .option('--json', 'print one JSON object a line instead of a table')
    .action((text: string, options: { json?: true }) =>
      withDatabase(readConfig(), async (sql) => {
        const { names, rows } = await sql.begin('read only', (tx) => select(tx, text));
        const objects = rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]])));
        if (options.json === true)
          for (const object of objects) process.stdout.write(`${JSON.stringify(object)}\n`);
        else if (rows.length > 0) console.table(objects.map(shortenRow));
        if (options.json !== true) process.stdout.write(`${rows.length} row(s)\n`);
      }),
    );
}

interface Selected {
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** One statement: by Postgres' other protocol a second one could end the transaction that may only read, and write. */
async function select(tx: Transaction, text: string): Promise<Selected> {
  const oneStatement = { simple: false } as { readonly prepare?: boolean };
  const result = await tx.unsafe(text, [], oneStatement).values();
  return { names: nameColumns(result.columns.map(({ name }) => name)), rows: result };
}

/** Each once: of two columns that are called count the second is count_2. */
function nameColumns(names: readonly string[]): readonly string[] {
  return names.map((name, index) => {
    const earlier = names.slice(0, index).filter((other) => other === name).length;
    return earlier === 0 ? name : `${name}_${earlier + 1}`;
  });
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
