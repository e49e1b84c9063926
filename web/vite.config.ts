import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// `npm run dev` shows the client with hot reload on a port of Vite's; everything else is the running gateway's.
const gateway = `http://127.0.0.1:${process.env.LINKAROOIE_PORT ?? '8080'}`;

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: '../gateway/static',
    emptyOutDir: true,
    // Scripts and workers as files, never as data: addresses, which the content security policy refuses.
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/v1': gateway, '/media': gateway } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
