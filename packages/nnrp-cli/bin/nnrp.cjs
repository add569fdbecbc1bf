#!/usr/bin/env node
// A probe runs every few seconds: it is one file of CommonJS, since Node starts that sooner, and needs no other.
const args = process.argv.slice(2);

if (args[0] === 'ping' && args.includes('--probe')) {
  const { probe } = require('../dist/probe.cjs');
  probe(args, process).then((code) => {
    if (code === undefined) runAll();
    else process.exitCode = code;
  });
} else {
  runAll();
}

function runAll() {
  import('../dist/bin.js');
}
