/** sluice config: every setting with its form, default, meaning, and whether the environment changes it. */
import type { Command } from 'commander';
import { readConfig, settings } from '../config.ts';

export function addConfigCommand(program: Command): void {
  program
    .command('config')
    .description(
      'print every setting: value in force, form, default and meaning; fails when one is not valid',
    )
    .option('--markdown', 'print the reference table of the docs')
    .action((options: { markdown?: true }) => {
      if (options.markdown === true) process.stdout.write(describeSettings());
      else process.stdout.write(printSettings(readConfig()));
    });
}

/** The body of docs/settings.md. */
export function describeSettings(): string {
  const rows = Object.values(settings).map((entry) => {
    const fallback = entry.default === '' ? 'not set' : `\`${entry.default}\``;
    return `| \`${entry.variable}\` | ${entry.form} | ${fallback} | ${entry.meaning} |`;
  });
  return ['| variable | form | default | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

function printSettings(config: ReturnType<typeof readConfig>): string {
  const lines = Object.entries(settings).map(([key, entry]) => {
    const value = String(config[key as keyof typeof settings] ?? 'not set');
    const shown = value === 'not set' ? value : hideSecret(key, value);
    return `${entry.variable}=${shown}\n    ${entry.meaning}\n    ${entry.form}; default ${entry.default || 'not set'}\n`;
  });
  return lines.join('\n');
}

const SECRETS: ReadonlySet<string> = new Set(['secret', 'adminPassword', 'vercelSecrets', 'metricsToken']);

function hideSecret(key: string, value: string): string {
  if (SECRETS.has(key)) return '***';
  if (!key.endsWith('Url')) return value;
  const shown = new URL(value);
  if (shown.password !== '') shown.password = '***';
  // The clients of Postgres and Redis read a password from there as well.
  for (const name of shown.searchParams.keys())
    if (/pass|secret|token|key/i.test(name)) shown.searchParams.set(name, '***');
  return shown.href;
}
