import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['node_modules', 'src/api/schema.d.ts', 'vite.config.ts', 'eslint.config.js'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  reactHooks.configs.flat.recommended,
  { languageOptions: { parserOptions: { projectService: true } } },
  {
    rules: {
      'no-console': 'error',
      // Event handlers and effects may be async; what they raise reaches the error boundary or the query.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      // Problems are values of our own, not errors; what rejects is typed where it is caught.
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/require-await': 'off', // a stand-in in a test answers as its model does: with a promise
      '@typescript-eslint/unbound-method': 'off', // the libraries' hooks hand out functions that need no `this`
      '@typescript-eslint/only-throw-error': 'off', // the router's redirects are thrown, and are no errors
    },
  },
);
