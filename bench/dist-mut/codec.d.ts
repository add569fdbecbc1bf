export {};
//# sourceMappingURL=codec.d.ts.map