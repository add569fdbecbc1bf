// PROGRAM URL   a program as a process of Node.js, Deno or Bun; it has to end by itself
import process from 'node:process';

const [program, url] = process.argv.slice(2);
const { main } = await import(program);
console.log(JSON.stringify(await main(url)));
