/** The table as docs/permissions.md shows it: who gets something else than the rest, by the answer. */
import { callers, EVERYBODY, groups, PEOPLE, statusOf, type Caller, type Row } from './table.ts';

export function printTable(): string {
  const legend = EVERYBODY.map((name) => `| ${name} | ${callers[name]} |`);
  const sections = Object.entries(groups).flatMap(([title, rows]) => [
    `## ${title}`,
    '',
    '| request | does | answers | other people signed in | everybody else |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((row) => printRow(row)),
    '',
  ]);
  return ['| caller | who |', '| --- | --- |', ...legend, '', ...sections].join('\n');
}

function printRow(row: Row): string {
  const ofPeople = usualOf(row, PEOPLE);
  const ofOthers = usualOf(
    row,
    EVERYBODY.filter((name) => !PEOPLE.includes(name)),
  );
  const named = EVERYBODY.filter(
    (name) => statusOf(row, name) !== (PEOPLE.includes(name) ? ofPeople : ofOthers),
  );
  const answers = [...Map.groupBy(named, (name) => statusOf(row, name))]
    .toSorted(([one], [other]) => one - other)
    .map(([status, who]) => `${status}: ${who.join(', ')}`);
  return `| \`${row.request}\` | ${row.does} | ${answers.join('; ')} | ${ofPeople} | ${ofOthers} |`;
}

/** The most frequent answer among `names`. */
function usualOf(row: Row, names: readonly Caller[]): number {
  const found = [...Map.groupBy(names, (name) => statusOf(row, name))];
  return found.toSorted((one, other) => other[1].length - one[1].length)[0]?.[0] ?? row.usual;
}
