/** Arrays of Postgres as the client library writes and reads them, so that it need not ask the server for their types. */

/** text[], uuid[], bigint[] and double precision[], by their numbers in Postgres. */
export const arrayTypes = {
  texts: arrayType(1009),
  uuids: arrayType(2951),
  bigints: arrayType(1016),
  doubles: arrayType(1022),
};

function arrayType(oid: number) {
  return { to: oid, from: [oid], serialize: printArray, parse: parseArray };
}

/** As Postgres reads arrays: every element in quotes, whatever its type. */
function printArray(values: readonly (string | number | bigint | null)[]): string {
  const elements = values.map((value) =>
    value === null ? 'NULL' : `"${String(value).replaceAll(/["\\\\]/g, '\\$&')}"`,
  );
  return `{${elements.join(',')}}`;
}

/** Elements as texts; of one dimension. */
function parseArray(text: string): (string | null)[] {
  return [...text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs)].map(([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replaceAll(/\\(.)/gs, '$1');
    return bare === 'NULL' ? null : (bare ?? '');
  });
}
