const c = '/work/main/packages/nnrp-core/src/';
export default {
  root: '/work/main',
  resolve: {
    alias: [
      { find: /^nnrp-core\/preview3\/struct-table$/, replacement: c + 'generated/preview3/struct-table.ts' },
      { find: /^nnrp-core\/preview3$/, replacement: c + 'generated/preview3/index.ts' },
      { find: /^nnrp-core$/, replacement: c + 'index.ts' },
    ],
  },
  test: { include: ['tools/*/{src,test}/**/*.test.ts'], testTimeout: 60000, hookTimeout: 60000 },
};
