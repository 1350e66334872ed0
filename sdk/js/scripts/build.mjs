// dist/esm and dist/cjs, each with its types and a package.json that names its kind of module.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const KINDS = {
  esm: ['module', '--module', 'es2022', '--moduleResolution', 'bundler'],
  cjs: ['commonjs', '--module', 'commonjs', '--moduleResolution', 'node10'],
};

rmSync(join(root, 'dist'), { recursive: true, force: true });
for (const [name, [type, ...options]] of Object.entries(KINDS)) {
  const folder = join(root, 'dist', name);
  execFileSync(process.execPath, [tsc, '-p', root, '--outDir', folder, ...options], {
    stdio: 'inherit',
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ type })}\n`);
}
