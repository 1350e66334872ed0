// Writes src/schema.ts (types), src/models.ts (their names) and src/codes.ts (error codes) from an
// OpenAPI schema:
//   node scripts/generate.mjs SCHEMA.json [OUTPUT_FOLDER]
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import openapiTS, { astToString } from 'openapi-typescript';

const [source, folder = join(import.meta.dirname, '..', 'src')] = process.argv.slice(2);
if (!source) {
  console.error('usage: generate.mjs SCHEMA.json [OUTPUT_FOLDER]');
  process.exit(2);
}
const HEADER = '// Made from the OpenAPI schema by `npm run generate`; not to be edited.\n\n';
const schema = JSON.parse(await readFile(source, 'utf8'));

const types = await openapiTS(schema, { alphabetize: true, defaultNonNullable: false });
await writeFile(join(folder, 'schema.ts'), HEADER + astToString(types));

const models = Object.keys(schema.components.schemas).filter((name) => name !== 'ErrorCode');
const names = models.map((name) => `export type ${name} = Schemas['${name}'];\n`).join('');
await writeFile(
  join(folder, 'models.ts'),
  `${HEADER}import type { components } from './schema.js';\n\ntype Schemas = components['schemas'];\n\n${names}`,
);

const codes = [...schema.components.schemas.ErrorCode.enum].sort();
const lines = codes.map((code) => `  ${code}: '${code}',\n`).join('');
await writeFile(
  join(folder, 'codes.ts'),
  `${HEADER}/** Every code an answer of the API can have. */\nexport const ErrorCode = {\n${lines}} as const;\n\nexport type ErrorCode = keyof typeof ErrorCode;\n`,
);
