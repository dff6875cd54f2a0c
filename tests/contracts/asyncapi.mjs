// Validates asyncapi.json with the parser of the AsyncAPI project. The service tests hold frames against its schemas.
import { readFileSync } from 'node:fs';
import parser from '@asyncapi/parser';

const text = readFileSync(process.argv[2], 'utf8');
const { document, diagnostics } = await new parser.Parser().parse(text);
const problems = diagnostics.filter(({ severity }) => severity <= 1);
for (const { path, message } of problems) console.error(`${path.join('.')}: ${message}`);
if (!document || problems.some(({ severity }) => severity === 0)) process.exit(1);
for (const operation of document.operations().all()) {
  const names = operation.messages().all().map((message) => message.name());
  console.log(`${operation.id()}: ${names.join(', ')}`);
}
