/**
 * GET /api/docs: the API reference as a page on which calls can be tried, and below it the OpenAPI document. Each port has
 * one of its own, of what it serves. The page is Swagger UI as it is installed: nothing comes from elsewhere, and what it
 * calls is this gateway. Its files are read and compressed when somebody first asks for them.
 */
import { prepareAsset, readPackage, type Assets } from '../console/assets.ts';
import { createPageRoutes } from '../console/pages.ts';
import type { Reply, Route } from '../http/request.ts';
import { buildDocument } from './document.ts';

const ROOT = '/api/docs';
const DOCUMENT = `${ROOT}/v1/openapi.json`;
const PACKAGE = 'swagger-ui-dist';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Sluice: API reference</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="${ROOT}/swagger-ui.css" />
    <script src="${ROOT}/swagger-ui.js" defer></script>
    <script src="${ROOT}/start.js" defer></script>
  </head>
  <body>
    <main id="reference"></main>
  </body>
</html>
`;
/** A validator is somebody else's; a token that was pasted is forgotten with the page. */
const START = `SwaggerUIBundle(${JSON.stringify({
  url: DOCUMENT,
  dom_id: '#reference',
  deepLinking: true,
  docExpansion: 'list',
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  persistAuthorization: false,
})});
`;

/** The reference of these routes, and of itself. `version`: of Sluice. */
export function createReferenceRoutes(routes: readonly Route[], version: string): readonly Route[] {
  let document: Reply | null = null;
  const own: readonly Route[] = [
    ...createPageRoutes(ROOT, loadAssets),
    {
      method: 'GET',
      path: DOCUMENT,
      bodyBytesMax: 0,
      handle: () => (document ??= answerWith(buildDocument([...routes, ...own], version))),
    },
  ];
  return own;
}

function answerWith(document: unknown): Reply {
  return {
    status: '200 OK',
    headers: [
      ['Content-Type', 'application/json'],
      ['Cache-Control', 'no-cache'],
      ['X-Content-Type-Options', 'nosniff'],
    ],
    body: `${JSON.stringify(document)}\n`,
  };
}

async function loadAssets(): Promise<Assets> {
  const script = await readPackage(PACKAGE, 'swagger-ui-bundle.js');
  const texts = {
    'index.html': PAGE,
    'start.js': START,
    'swagger-ui.js': script.replace(/\/\/# sourceMappingURL=.*/, ''),
    'swagger-ui.css': (await readPackage(PACKAGE, 'swagger-ui.css')).replace(
      /\/\*# sourceMappingURL=.*?\*\//,
      '',
    ),
  };
  const prepared = Object.entries(texts).map(async ([name, text]) => {
    const path = name === 'index.html' ? ROOT : `${ROOT}/${name}`;
    return [path, await prepareAsset(name, text)] as const;
  });
  return new Map(await Promise.all(prepared));
}
