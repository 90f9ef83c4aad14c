import { defineConfig } from 'vite';

// `npm run dev` (node node_modules/vite/bin/vite.js) asks a running gateway's console for data: WEIR_URL, else the usual port.
export default defineConfig({
  server: { proxy: { '/api': process.env.WEIR_URL ?? 'http://127.0.0.1:8788' } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // nothing inline: the page's policy allows only files of its own
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
});
