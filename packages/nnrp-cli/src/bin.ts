#!/usr/bin/env node
import { guardProcess } from './guard-process.js';
import { runCli } from './run-cli.js';

guardProcess();
process.exitCode = await runCli(process.argv.slice(2));
