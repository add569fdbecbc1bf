export {};
//# sourceMappingURL=run.d.ts.map